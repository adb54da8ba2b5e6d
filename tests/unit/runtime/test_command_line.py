# SPDX-License-Identifier: Apache-2.0
"""The command line's grammar."""

import argparse

import pytest

from mlops_operator.__main__ import duration, parser


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1h30m", 5400.0), ("500ms", 0.5), ("1.5m", 90.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "10m!", "-5s", "1d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a duration"):
        duration(text)


def test_what_is_not_said_has_a_default() -> None:
    given = parser().parse_args(["run"])
    assert (given.namespaces, given.leader_elect, given.metrics_bind_address) == ([], True, ":8080")
    assert (given.resync, given.concurrency, given.log_format, given.log_level) == (600.0, 16, "json", "info")


def test_namespaces_may_be_repeated_and_the_election_switched_off() -> None:
    given = parser().parse_args(["run", "--namespace", "a", "--namespace", "b", "--no-leader-elect"])
    assert (given.namespaces, given.leader_elect) == (["a", "b"], False)


@pytest.mark.parametrize("concurrency", ["0", "-1", "x"])
def test_concurrency_below_one_is_refused(concurrency: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["run", "--concurrency", concurrency])
    assert "--concurrency" in capsys.readouterr().err
