# SPDX-License-Identifier: Apache-2.0
"""A change of a part of a status is checked: a misspelled name or another type fails every test that makes it."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from mlops_operator.api.common import Waiting
from mlops_operator.api.evaluation import EvaluationStatus, Verdict
from mlops_operator.api.modelmonitor import ModelMonitorStatus, WindowStatus
from mlops_operator.api.trainingjob import TrainingJobStatus

OPERATOR = Path(__file__).parents[3] / "operator/mlops_operator"


def test_a_misspelled_field_is_an_error() -> None:
    with pytest.raises(TypeError, match="TrainingJobStatus has no field runing_since"):
        TrainingJobStatus().replace(runing_since="2026-01-01T00:00:00Z")


@pytest.mark.parametrize("change", [{"phase": 3}, {"completion_time": 5}, {"attempt": "1"}, {"attempts": [{}]}])
def test_a_value_of_another_type_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        TrainingJobStatus().replace(**change)


def test_only_what_is_changed_changes() -> None:
    waiting = Waiting(reason="Forbidden", message="no", since="2026-01-01T00:00:00Z")
    before = EvaluationStatus(job="a", waiting=waiting)
    after = before.replace(verdict=Verdict.PASS)
    assert (after.job, after.waiting, after.verdict) == ("a", waiting, Verdict.PASS)
    assert after.waiting is waiting
    assert before.verdict is None


def test_windows_are_not_parsed_again() -> None:
    window = WindowStatus(start="2026-01-01T00:00:00Z", end="2026-01-01T01:00:00Z", version="a")
    assert ModelMonitorStatus().replace(windows=(window,)).windows[0] is window


def test_nothing_is_copied_without_the_check() -> None:
    unchecked = [str(path) for path in OPERATOR.rglob("*.py") if re.search(r"\bmodel_copy\(", path.read_text())]
    assert unchecked == []
