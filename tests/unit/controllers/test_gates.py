# SPDX-License-Identifier: Apache-2.0
"""The digest of a gate's rows, and how recorded results are read."""

import pytest

from mlops_operator.api.common import DataRead
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Gate
from mlops_operator.controllers.shared.gates import (
    RecordedResult,
    _model_if_measured,
    failure_of_gate,
    newest_recent_row,
    recorded_results,
    rows_digest,
)
from tests.unit.controllers.versions import digest_of


def test_the_rows_are_their_content_whatever_the_inputs_are_called() -> None:
    def rows(**inputs: str) -> str | None:
        return rows_digest([DataRead(name=name, digest=digest_of(text)) for name, text in inputs.items()])

    assert rows(a="x") == digest_of("x")
    assert rows(a="x", b="y") == rows(c="y", d="x") != rows(a="x")
    assert rows(a="x", b="y") != rows(a="x", b="z")
    assert rows() is None


def result(**stored: str) -> RecordedResult:
    entry = {
        "time": "2026-01-01T00:00:00Z",
        "gate": "g",
        "alias": "prod",
        "digest": digest_of("x"),
        "verdict": "Fail",
        "evaluationUid": "e",
        "promotion": "p",
        "promotionUid": "pu",
    }
    (found,) = recorded_results({"metadata": {"name": "v1"}, "status": {"gates": [entry | stored]}}).results
    return found


def test_a_recorded_result_keeps_its_message_and_need_not_have_one() -> None:
    assert result(message="0.8 is below 0.9").message == "0.8 is below 0.9"
    assert result().message == ""


def test_a_version_that_was_never_measured_has_no_results() -> None:
    assert recorded_results({"metadata": {"name": "v1"}}).results == ()
    assert recorded_results({"metadata": {"name": "v1"}, "status": {}}).results == ()


def test_the_first_failure_of_a_gate_is_its_failure() -> None:
    later = result(time="2026-01-03T00:00:00Z")
    first = result(time="2026-01-02T00:00:00Z")
    passed = result(verdict="Pass")
    of_another = result(gate="h")
    assert failure_of_gate([later, passed, of_another, first], "g") == first
    assert failure_of_gate([passed, of_another], "g") is None


@pytest.mark.parametrize(
    ("status", "found"), [({"gates": [{}]}, ["ns/digits"]), ({"gates": []}, []), ({}, []), (None, [])]
)
def test_only_a_version_that_was_measured_is_looked_up_by_its_model(status: Manifest | None, found: list[str]) -> None:
    version = {"metadata": {"name": "v1", "namespace": "ns"}, "spec": {"model": "digits"}, "status": status}
    assert list(_model_if_measured(version)) == found


RECENT = Gate.model_validate(
    {"recent": {"uri": "pvc://data/log", "minCount": 100}, "metrics": [{"name": "accuracy", "min": 0.9}]}
)


@pytest.mark.parametrize(
    ("known", "newest"),
    [
        ([], None),
        ([result()], None),
        ([result(newestRow="2026-01-02T00:00:00Z"), result(newestRow="2026-01-01T00:00:00Z"), result()], "2026-01-02"),
        ([result(newestRow="2026-01-02T00:00:00Z", gate="h")], None),
        ([result(newestRow="2026-01-02T00:00:00Z", promotionUid="own")], None),
    ],
    ids=["no result", "no recent rows", "the newest", "another gate", "of the Promotion itself"],
)
def test_the_newest_row_is_that_of_the_same_gate_for_another_promotion(
    known: list[RecordedResult], newest: str | None
) -> None:
    found = newest_recent_row(RECENT, "g", known, promotion_uid="own")
    assert found == (f"{newest}T00:00:00Z" if newest else None)
    frozen = RECENT.model_copy(update={"recent": None})
    assert newest_recent_row(frozen, "g", known, promotion_uid="own") is None
