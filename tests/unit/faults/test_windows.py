# SPDX-License-Identifier: Apache-2.0
import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelmonitor import MAX_WINDOWS
from mlops_operator.kube.resources import MODEL_MONITORS
from tests.faults.invariants.windows import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story

REFERENCE = {"metric": "accuracy", "version": "v", "windows": [{"value": 0.9}, {"value": 0.8}], "complete": True}


def window(hour: int, value: float = 0.9) -> Manifest:
    return {"end": f"2026-01-01T{hour:02}:00:00Z", "version": "v", "metrics": [{"name": "accuracy", "value": value}]}


def told(*statuses: Manifest) -> list[str]:
    story = Story()
    for status in statuses:
        story.put(MODEL_MONITORS, make(MODEL_MONITORS, "monitor", spec={}, status=status))
    return list(check(story.history))


def test_windows_one_after_the_other() -> None:
    assert told({}, {"windows": [window(1)]}, {"windows": [window(1), window(3)]}) == []


def test_a_full_list_loses_the_oldest() -> None:
    full = [window(hour) for hour in range(MAX_WINDOWS)]
    assert told({"windows": full}, {"windows": [*full[1:], window(MAX_WINDOWS)]}) == []


@pytest.mark.parametrize(
    "after",
    [[], [window(2)], [window(1, 0.5), window(2)], [window(1), window(2, 0.5)], [window(0), window(1), window(2)]],
)
def test_windows_that_change(after: list[Manifest]) -> None:
    (violation,) = told({"windows": [window(1), window(2)]}, {"windows": after})
    assert "windows are not the former ones with newer ones after them" in violation


@pytest.mark.parametrize("again", [window(1), window(2, 0.5)])
def test_a_window_measured_twice_or_too_late(again: Manifest) -> None:
    (violation,) = told({"windows": [window(2)]}, {"windows": [window(2), again]})
    assert "windows are not in the order of their times, each once" in violation


def test_a_reference_grows_and_gives_way_to_that_of_the_next_version() -> None:
    begun = {**REFERENCE, "windows": [{"value": 0.9}], "complete": False}
    other = {**begun, "version": "w"}
    assert told({}, {"references": [begun]}, {"references": [REFERENCE]}, {"references": [other]}) == []


def test_a_complete_reference_that_moves() -> None:
    moved = {**REFERENCE, "windows": [{"value": 0.8}, {"value": 0.7}]}
    (violation,) = told({"references": [REFERENCE]}, {"references": [moved]})
    assert "the reference of accuracy was complete and changed" in violation
