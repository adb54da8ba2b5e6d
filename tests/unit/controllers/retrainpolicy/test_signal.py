"""Whether a monitor's metric is a reason to train."""

from typing import Any

import pytest

from mlops_operator.api.conditions import Truth, parse_timestamp, timestamp
from mlops_operator.api.modelmonitor import MetricVerdict, WindowStatus
from mlops_operator.api.retrainpolicy import Signal
from mlops_operator.controllers.retrainpolicy.policies.signal import MonitorView, SignalView, look
from tests.unit.controllers.builders import later

SIGNAL = Signal.model_validate({"name": "live", "monitor": "m", "for": {"breached": 2, "of": 3}})
BREACHES = {"T": Truth.TRUE, "F": Truth.FALSE, "U": Truth.UNKNOWN}


def windows(pattern: str, *, version: str = "digits-a") -> list[WindowStatus]:
    """One window per minute and letter: T breached, F not, U unknown."""
    return [
        WindowStatus(
            start=timestamp(later(60 * i)),
            end=timestamp(later(60 * i + 60)),
            version=version,
            metrics=(
                MetricVerdict(
                    name="accuracy", breached=BREACHES[letter], value=0.5 + i / 100, lower=0.9, n=200, reason="x"
                ),
            ),
        )
        for i, letter in enumerate(pattern)
    ]


def seen(pattern: str, *, since: float | None = None, **view: object) -> SignalView:
    fields = {"found": True, "version": "digits-a", "windows": windows(pattern), **view}
    monitor = MonitorView(**fields)  # type: ignore[arg-type]
    return look(SIGNAL, monitor, since=None if since is None else later(since))


@pytest.mark.parametrize(
    ("pattern", "active"),
    [
        ("", Truth.UNKNOWN),
        ("T", Truth.UNKNOWN),
        ("F", Truth.UNKNOWN),
        ("TF", Truth.FALSE),
        ("FF", Truth.FALSE),
        ("TT", Truth.TRUE),
        ("TFT", Truth.TRUE),
        ("TTFF", Truth.FALSE),  # only the last three count
        ("TFFT", Truth.FALSE),
        ("TUUT", Truth.TRUE),  # what could not be told does not count, neither way
        ("TUUU", Truth.UNKNOWN),
        ("UUUU", Truth.UNKNOWN),
        ("FFUTUT", Truth.TRUE),
    ],
)
def test_k_of_the_last_n_known_windows(pattern: str, active: Truth) -> None:
    assert seen(pattern).status.active is active


def test_the_evidence_is_the_breached_windows_with_value_limit_and_n() -> None:
    view = seen("TFT")
    assert [(entry.value, entry.limit, entry.n, entry.version) for entry in view.evidence] == [
        (0.5, 0.9, 200, "digits-a"),
        (0.52, 0.9, 200, "digits-a"),
    ]
    assert view.evidence[-1].window_end == timestamp(later(180))
    assert (view.status.breached, view.status.known) == (2, 3)


def test_windows_of_a_former_version_do_not_count() -> None:
    view = seen("TTT", version="digits-b")
    assert (view.status.active, view.status.known) == (Truth.UNKNOWN, 0)


def test_windows_from_before_the_last_training_ended_do_not_count() -> None:
    assert seen("TTT", since=60).status.active is Truth.TRUE
    assert seen("TTT", since=120).status.active is Truth.UNKNOWN
    assert parse_timestamp(seen("TTT", since=60).evidence[0].window_end) == later(120)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ({"found": False}, "ModelMonitor m does not exist"),
        ({"version": None}, "serves no stable version"),
        ({"rolling_out": "digits-b"}, "digits-b is on its way in"),
    ],
)
def test_what_cannot_be_told_is_unknown_and_says_why(view: dict[str, Any], words: str) -> None:
    status = seen("TTT", **view).status
    assert status.active is Truth.UNKNOWN
    assert words in status.message


def test_a_metric_that_the_monitor_does_not_measure_is_unknown() -> None:
    other = SIGNAL.model_copy(update={"metric": "f1_macro"})
    view = look(other, MonitorView(found=True, version="digits-a", windows=windows("TTT")), since=None)
    assert view.status.active is Truth.UNKNOWN
