# SPDX-License-Identifier: Apache-2.0
"""What ends a rejection: a pass of the same gate on newer rows, and nothing else."""

import pytest

from mlops_operator.api.conditions import Condition, Fact, Truth
from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import Rejection
from mlops_operator.api.modelversion import MAX_GATE_RESULTS, GateResult
from mlops_operator.controllers.modelversion.observed import concerned_by_model_change
from mlops_operator.controllers.modelversion.policies.rejection import rejection
from mlops_operator.controllers.modelversion.policies.results import with_results
from mlops_operator.controllers.shared.rejections import has_ended
from tests.unit.controllers.builders import NAMESPACE, condition
from tests.unit.controllers.modelversion.driver import DIGEST, NAME, OTHER, begin
from tests.unit.controllers.modelversion.test_gate_results import RULES, SINCE, evaluation, model, promotion

NOON, ONE, TWO, THREE = (f"2026-01-01T{hour}:00:00Z" for hour in (12, 13, 14, 15))
FAIL, PASS = Verdict.FAIL, Verdict.PASS
RECENT: Manifest = {**RULES, "recent": {"uri": "pvc://logs/digits", "minCount": 100}}


def result(
    name: str, verdict: Verdict, newest: str | None = None, after: str | None = None, *, gate: str = "g"
) -> GateResult:
    return GateResult(
        gate=gate,
        alias="champion",
        digest=DIGEST,
        verdict=verdict,
        evaluation=f"e-{name}",
        evaluation_uid=f"e-{name}",
        promotion=name,
        promotion_uid=f"uid-of-{name}",
        time=SINCE,
        newest_row=newest,
        recent_after=after,
    )


def remembered(newest: str | None = NOON, passed_after: str | None = None, *, gate: str = "g") -> Rejection:
    return Rejection(
        gate=gate,
        digest=DIGEST,
        version="former",
        alias="champion",
        promotion="first",
        promotion_uid="u",
        time=SINCE,
        newest_row=newest,
        passed_after=passed_after,
    )


def rejected(*results: GateResult, model: tuple[Rejection, ...] = (), before: Truth | None = None) -> Fact:
    former = Condition(
        type="Rejected", status=before or Truth.FALSE, reason="R", message="m", last_transition_time=SINCE
    )
    return rejection(results, model, [former] if before is not None else [])


@pytest.mark.parametrize(
    ("newest", "passed_after", "ended"),
    [(NOON, None, False), (None, NOON, False), (ONE, NOON, False), (ONE, ONE, True), (ONE, TWO, True)],
    ids=["no pass", "frozen rows", "pass on rows before its last", "pass on rows after its last", "later"],
)
def test_rows_after_the_last_of_the_failure_are_new(newest: str | None, passed_after: str | None, ended: bool) -> None:
    assert has_ended(newest, passed_after) is ended
    expected = Truth.FALSE if ended else Truth.TRUE
    own = [result("a", FAIL, newest), result("b", PASS, THREE, passed_after)]
    assert rejected(*own, before=Truth.TRUE).status is expected
    assert rejected(*reversed(own), before=Truth.TRUE).status is expected
    assert rejected(model=(remembered(newest, passed_after),), before=Truth.TRUE).status is expected
    assert rejected(own[1], model=(remembered(newest),), before=Truth.TRUE).status is expected
    assert rejected(own[0], model=(remembered(NOON, passed_after),), before=Truth.TRUE).status is expected


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not PASS])
def test_nothing_but_a_pass_ends_a_rejection(verdict: Verdict) -> None:
    again = result("b", verdict, ONE, NOON)
    assert rejected(result("a", FAIL, NOON), again).status is Truth.TRUE


def test_a_pass_of_another_gate_ends_nothing() -> None:
    assert rejected(result("a", FAIL, NOON), result("b", PASS, ONE, NOON, gate="h")).status is Truth.TRUE


def test_a_failure_after_the_pass_rejects_again_and_is_the_one_that_is_named() -> None:
    fact = rejected(result("a", FAIL, NOON), result("b", PASS, ONE, NOON), result("c", FAIL, TWO, ONE))
    assert (fact.status, "Promotion c" in fact.message) == (Truth.TRUE, True)


def test_of_several_passes_the_one_on_the_newest_rows_counts() -> None:
    passes = (result("c", PASS, THREE, TWO), result("b", PASS, ONE, NOON))
    assert rejected(result("a", FAIL, TWO), *passes).status is Truth.FALSE


def test_a_rejection_whose_record_is_lost_stays() -> None:
    assert rejected(before=Truth.TRUE) == Fact("Rejected", Truth.TRUE, "R", "m")
    assert rejected(result("b", PASS, ONE, NOON), before=Truth.TRUE).status is Truth.TRUE
    assert rejected(before=None).status is Truth.FALSE


def others(number: int) -> list[GateResult]:
    return [result(f"o{index}", Verdict.INCONCLUSIVE, gate="other") for index in range(number)]


@pytest.mark.parametrize(
    ("first", "gone"),
    [
        ([result("a", FAIL, NOON), result("b", FAIL, ONE)], "a"),
        ([result("a", FAIL, NOON), result("b", PASS, ONE, NOON)], "a"),
        ([result("b", PASS, ONE, NOON), result("a", FAIL, NOON)], "a"),
        ([result("b", PASS, ONE, NOON), result("a", FAIL, ONE)], "b"),
        ([result("b", PASS, ONE, NOON, gate="h"), result("a", FAIL, NOON)], "b"),
        ([result("a", FAIL, ONE), result("b", PASS, ONE, NOON)], "b"),
    ],
    ids=["earlier failure", "ended", "pass stays", "pass before it", "pass of another gate", "standing"],
)
def test_a_rejection_is_not_ended_and_does_not_return_as_records_make_room(first: list[GateResult], gone: str) -> None:
    known = [*first, *others(MAX_GATE_RESULTS - 2)]
    before = rejected(*known).status
    kept = with_results(known, [result("new", PASS, gate="new")], waiting=())
    assert {entry.promotion for entry in known} - {entry.promotion for entry in kept} == {gone}
    assert rejected(*kept, before=before).status is before


def measured_again(newest: str) -> Manifest:
    """The status of a version that failed on recent rows until noon, and passes another measurement."""
    first, again = promotion("first"), promotion("again")
    version = begin(model(RECENT))
    version.at(3).verified()
    failed = evaluation(first, "Fail", rules=RECENT)
    failed["status"]["recent"] = {"start": SINCE, "end": NOON, "rows": 300, "newest": NOON}
    version.put(first, failed)
    assert condition(version.obj, "Rejected")["status"] == "True"
    first["status"]["phase"] = "Rejected"
    passed = evaluation(again, "Pass", rules=RECENT, recent_after=newest)
    passed["status"]["recent"] = {"start": SINCE, "end": TWO, "rows": 300, "newest": ONE}
    version.put(first, again, passed)
    return version.obj


def test_a_version_that_passes_on_newer_rows_is_no_longer_rejected_and_keeps_its_history() -> None:
    obj = measured_again(NOON)
    assert [(entry["verdict"], entry.get("recentAfter")) for entry in obj["status"]["gates"]] == [
        ("Fail", None),
        ("Pass", NOON),
    ]
    assert condition(obj, "Rejected")["status"] == "False"
    assert obj["status"]["phase"] == "Ready"


@pytest.mark.parametrize("after", ["2026-01-01T11:59:59Z", "2026-01-01T12:00:01Z"])
def test_a_measurement_that_was_asked_for_other_rows_is_no_result(after: str) -> None:
    obj = measured_again(after)
    assert [entry["verdict"] for entry in obj["status"]["gates"]] == ["Fail"]
    assert condition(obj, "Rejected")["status"] == "True"


def test_a_version_hears_of_rejections_of_its_artifact_under_other_names_and_of_their_end() -> None:
    version = begin(model())
    version.at(3).verified()
    world = version.cluster.world
    before, failed = model(), model(rejections=[remembered().to_manifest()])
    passed = model(rejections=[remembered(NOON, NOON).to_manifest()])
    other = model(rejections=[{**remembered().to_manifest(), "digest": OTHER}])
    for old, new in ((before, failed), (failed, passed), (passed, before)):
        assert list(concerned_by_model_change(old, new, world)) == [Key(NAMESPACE, NAME)]
    assert list(concerned_by_model_change(before, other, world)) == []
    assert list(concerned_by_model_change(failed, failed, world)) == []
    for state, status in ((failed, "True"), (passed, "False"), (failed, "True")):
        version.put(state)
        assert condition(version.obj, "Rejected")["status"] == status
