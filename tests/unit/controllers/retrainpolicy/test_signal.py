# SPDX-License-Identifier: Apache-2.0
"""Whether a monitor's metric is a reason to train."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_operator.api.conditions import Truth, parse_timestamp, timestamp
from mlops_operator.api.modelmonitor import MetricVerdict, MonitoredName, Window, WindowStatus
from mlops_operator.api.retraintrigger import Signal
from mlops_operator.controllers.retrainpolicy.policies.signal import MonitorView, SignalView, look
from tests.unit.controllers.builders import later

SIGNAL = Signal.model_validate({"name": "live", "monitor": "m", "for": {"breached": 2, "of": 3}})
BREACHES = {"T": Truth.TRUE, "F": Truth.FALSE, "U": Truth.UNKNOWN}


def windows(pattern: str, *, version: str = "digits-a", at: float = 0, metric: str = "accuracy") -> list[WindowStatus]:
    """One window per minute and letter: T breached, F not, U unknown."""
    return [
        WindowStatus(
            start=timestamp(later(at + 60 * i)),
            end=timestamp(later(at + 60 * i + 60)),
            version=version,
            metrics=(
                MetricVerdict(
                    name=metric, breached=BREACHES[letter], value=0.5 + i / 100, lower=0.9, n=200, reason="x"
                ),
            ),
        )
        for i, letter in enumerate(pattern)
    ]


WINDOW = Window(size="1m")


def seen(
    pattern: str,
    *,
    since: float | None = None,
    signal: Signal = SIGNAL,
    now: float | None = None,
    **view: object,
) -> SignalView:
    """The signal as it is at the end of the last window, or `now` seconds after the beginning."""
    fields = {"found": True, "version": "digits-a", "window": WINDOW, "windows": windows(pattern), **view}
    monitor = MonitorView(**fields)  # type: ignore[arg-type]
    moment = later(60 * len(pattern) if now is None else now)
    return look(signal, monitor, since=None if since is None else later(since), now=moment)


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


@pytest.mark.parametrize(
    ("value", "lower", "upper", "limit"),
    [(0.8, 0.9, 1.0, 0.9), (0.9, 0.9, 1.0, 1.0), (1.1, 0.9, 1.0, 1.0), (1.1, None, 1.0, 1.0), (None, 0.9, 1.0, 1.0)],
)
def test_the_limit_of_the_evidence_is_the_one_that_was_passed(
    value: float | None, lower: float | None, upper: float, limit: float
) -> None:
    verdict = MetricVerdict(name="accuracy", breached=Truth.TRUE, value=value, lower=lower, upper=upper, reason="x")
    breached = [window.model_copy(update={"metrics": (verdict,)}) for window in windows("TT")]
    assert [entry.limit for entry in seen("TT", windows=breached).evidence] == [limit, limit]


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
        ({"version": None}, "has no stable version"),
        ({"rolling_out": "digits-b"}, "digits-b replaces digits-a"),
        ({"window": None}, "invalid window"),
    ],
)
def test_what_cannot_be_told_is_unknown_and_says_why(view: dict[str, Any], words: str) -> None:
    status = seen("TTT", **view).status
    assert status.active is Truth.UNKNOWN
    assert words in status.message


@pytest.mark.parametrize("metric", list(MonitoredName))
def test_whatever_a_monitor_measures_can_be_a_reason_to_train(metric: str) -> None:
    signal = Signal.model_validate({"name": "live", "monitor": "m", "metric": metric})
    status = seen("TTF", signal=signal, windows=windows("TTF", metric=metric)).status
    assert status.active is Truth.TRUE
    assert status.message.startswith(f"{metric} of digits-a: 2 of 3 known windows breached")


def test_a_metric_that_no_monitor_measures_is_refused() -> None:
    with pytest.raises(ValidationError, match="metric"):
        Signal.model_validate({"name": "live", "monitor": "m", "metric": "log_loss"})


def test_a_metric_that_the_monitor_does_not_measure_is_unknown() -> None:
    other = SIGNAL.model_copy(update={"metric": "f1_macro"})
    view = seen("TTT", signal=other)
    assert view.status.active is Truth.UNKNOWN


# -- maximum age of evidence ---------------------------------------------------------------


def within(text: str | None, **windows_: int) -> Signal:
    entry = {"name": "live", "monitor": "m", "for": {"breached": 2, "of": 3, **windows_, "within": text}}
    return Signal.model_validate(entry)


@pytest.mark.parametrize(
    ("age", "active", "reason"),
    [(119, Truth.TRUE, "Breached"), (120, Truth.TRUE, "Breached"), (121, Truth.UNKNOWN, "StaleEvidence")],
)
def test_a_window_counts_up_to_its_maximum_age(age: int, active: Truth, reason: str) -> None:
    view = seen("TT", signal=within("2m"), now=60 + age)  # the older window ended at 60
    assert (view.status.active, view.status.reason) == (active, reason)
    assert view.stale == (reason == "StaleEvidence")


@pytest.mark.parametrize(
    ("age", "active"), [(6 * 60 + 29, Truth.TRUE), (6 * 60 + 30, Truth.TRUE), (6 * 60 + 31, Truth.UNKNOWN)]
)
def test_the_default_age_is_twice_the_windows_and_the_label_delay(age: int, active: Truth) -> None:
    view = seen("TT", now=60 + age, window=Window(size="1m", label_delay="30s"))
    assert view.status.active is active


def test_breaches_that_are_far_apart_never_add_up() -> None:
    """A breach on day 0 and one on day 10, with unknown windows between them, at daily windows."""
    days = [window for i in (0, 10) for window in windows("T", at=i * 86_400)]
    unknown = [window for i in range(1, 10) for window in windows("U", at=i * 86_400)]
    view = seen(
        "",
        windows=[days[0], *unknown, days[1]],
        window=Window(size="24h"),
        now=10 * 86_400 + 60,
    )
    assert (view.status.active, view.status.breached, view.status.known) == (Truth.UNKNOWN, 1, 1)
    assert view.stale
    assert "further breached windows ended more than 144h ago" in view.status.message


def test_stale_evidence_that_would_not_be_enough_is_no_skipped_trigger() -> None:
    view = seen("TF", now=100_000)
    assert (view.status.active, view.status.reason, view.stale) == (Truth.UNKNOWN, "TooFewWindows", False)


def test_it_says_when_the_oldest_window_that_counts_becomes_too_old() -> None:
    assert seen("TFF", signal=within("10m")).changes_at == later(60 + 600)
    assert seen("TFFF", signal=within("10m")).changes_at == later(120 + 600)
    assert seen("").changes_at is None


@pytest.mark.parametrize(
    ("text", "reason"), [("89s", "WithinTooShort"), ("90s", "TooFewWindows"), ("91s", "TooFewWindows")]
)
def test_an_age_that_no_windows_can_keep_is_reported(text: str, reason: str) -> None:
    view = seen("", signal=within(text), window=Window(size="1m", label_delay="30s"))
    assert (view.status.active, view.status.reason) == (Truth.UNKNOWN, reason)
    if reason == "WithinTooShort":
        assert "for.within is 89s, expected at least 90 s" in view.status.message


def test_the_reason_of_an_unknown_window_is_in_the_message() -> None:
    assert "the verdict of the latest window is Unknown: x" in seen("FFU").status.message
    assert "Unknown" not in seen("FUF").status.message
