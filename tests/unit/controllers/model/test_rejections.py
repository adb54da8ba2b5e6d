# SPDX-License-Identifier: Apache-2.0
"""What a Model remembers of artifacts that failed its gates."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import MAX_REJECTIONS
from mlops_operator.controllers.model.policies.rejections import with_rejections
from mlops_operator.controllers.shared.gates import RecordedResult
from mlops_operator.kube.resources import MODEL_VERSIONS
from tests.unit.controllers.model.driver import Registry, promotion, version
from tests.unit.controllers.versions import digest_of

SINCE = "2026-01-01T00:00:00Z"
BELOW, AT, ABOVE = "2026-01-01T11:59:59Z", "2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z"


def result(
    number: int,
    *,
    verdict: str = "Fail",
    gate: str = "g",
    artifact: str = "",
    rows: str | None = None,
) -> RecordedResult:
    return RecordedResult(
        time=f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        version=f"v{number}",
        gate=gate,
        alias="champion",
        digest=digest_of(artifact or f"v{number}"),
        verdict=verdict,
        message="",
        evaluation_uid=f"e{number}",
        promotion=f"p{number}",
        promotion_uid=f"uid-of-p{number}",
        newest_row=rows,
    )


class TestRejections:
    def test_of_a_gate_and_an_artifact_the_first_failure_stays(self) -> None:
        results = [result(2, artifact="a"), result(1, artifact="a"), result(3, artifact="a", gate="h"), result(4)]
        found = [(entry.gate, entry.promotion) for entry in with_rejections((), results)]
        assert found == [("g", "p1"), ("h", "p3"), ("g", "p4")]

    @pytest.mark.parametrize(("rows", "named"), [(None, "p1"), (BELOW, "p1"), (AT, "p1"), (ABOVE, "p2")])
    def test_the_failure_on_the_newest_rows_stays(self, rows: str | None, named: str) -> None:
        results = [result(1, artifact="a", rows=AT), result(2, artifact="a", rows=rows)]
        (together,) = with_rejections((), results)
        (later,) = with_rejections(with_rejections((), results[:1]), results[1:])
        assert (together.promotion, later.promotion) == (named, named)

    def test_a_failure_known_without_its_rows_is_completed(self) -> None:
        (entry,) = with_rejections(with_rejections((), [result(1)]), [result(1, rows=AT)])
        assert (entry.promotion, entry.newest_row) == ("p1", AT)

    @pytest.mark.parametrize(("after", "kept"), [(None, AT), (BELOW, AT), (AT, AT), (ABOVE, ABOVE)])
    def test_the_pass_on_the_newest_rows_is_entered_and_outlives_its_version(
        self, after: str | None, kept: str
    ) -> None:
        failed = result(1, artifact="a", rows=BELOW)
        first = result(2, artifact="a", verdict="Pass")._replace(recent_after=AT)
        second = result(3, artifact="a", verdict="Pass")._replace(recent_after=after)
        (entry,) = with_rejections((), [failed, first, second])
        assert (entry.newest_row, entry.passed_after) == (BELOW, kept)
        assert with_rejections((entry,), [failed]) == (entry,)
        (again,) = with_rejections((entry,), [result(4, artifact="a", rows=ABOVE)])
        assert (again.promotion, again.passed_after) == ("p4", kept)

    @pytest.mark.parametrize(("verdict", "gate"), [("Inconclusive", "g"), ("Fail", "g"), ("Pass", "h")])
    def test_other_results_end_nothing(self, verdict: str, gate: str) -> None:
        other = result(2, artifact="a", verdict=verdict, gate=gate)._replace(recent_after=AT)
        entries = with_rejections((), [result(1, artifact="a", rows=BELOW), other])
        assert [entry.passed_after for entry in entries] == [None]

    def test_only_failures_reject(self) -> None:
        assert with_rejections((), [result(1, verdict="Pass"), result(2, verdict="Inconclusive")]) == ()

    def test_the_latest_stay_and_a_repeated_report_changes_nothing(self) -> None:
        results = [result(number) for number in range(MAX_REJECTIONS + 1)]
        rejections = with_rejections((), results)
        assert [entry.promotion for entry in rejections] == [f"p{n}" for n in range(1, MAX_REJECTIONS + 1)]
        assert with_rejections(rejections, results) == rejections
        assert with_rejections(rejections, []) == rejections


def measured(name: str, by: str, verdict: str) -> Manifest:
    """A version with the result of the Promotion `by`."""
    obj = version(name)
    obj["status"]["gates"] = [
        {
            "gate": "g",
            "alias": "champion",
            "data": digest_of("rows"),
            "digest": digest_of(name),
            "verdict": verdict,
            "evaluation": "e",
            "evaluationUid": f"uid-of-e-of-{by}",
            "promotion": by,
            "promotionUid": f"uid-of-{by}",
            "time": SINCE,
        }
    ]
    return obj


def test_a_failure_is_remembered_when_its_promotion_is_decided_and_outlives_the_version() -> None:
    registry = Registry(measured("v1", "p1", "Fail"), promotion("p1", "v1", passed=False, phase="Evaluating"))
    assert "rejections" not in registry.status
    registry.finish("p1", "Rejected")
    remembered = registry.status["rejections"]
    assert [entry["digest"] for entry in remembered] == [digest_of("v1")]
    registry.cluster.world.remove(registry.cluster.get(MODEL_VERSIONS, "v1"))
    registry.settle()
    assert registry.status["rejections"] == remembered


def test_a_result_whose_promotion_was_deleted_counts() -> None:
    registry = Registry(measured("v1", "p1", "Fail"))
    assert [entry["promotion"] for entry in registry.status["rejections"]] == ["p1"]
