# SPDX-License-Identifier: Apache-2.0
"""What a version records of the gates that measured it, and what follows."""

from itertools import permutations
from typing import Any

import pytest

from mlops_operator.api.common import VersionRef
from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import Alias, Gate
from mlops_operator.api.modelversion import MAX_GATE_RESULTS, GateResult
from mlops_operator.controllers.modelversion.gates import concerned_by_evaluation, concerned_by_verdict, gate_results
from mlops_operator.controllers.modelversion.policies.rejection import rejection
from mlops_operator.controllers.modelversion.policies.results import with_results
from mlops_operator.controllers.shared.gates import gate_key, render_evaluation
from mlops_operator.kube.resources import EVALUATIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.work.identity import stamped
from tests.unit.controllers.builders import NAMESPACE, ToyWorld, condition, make
from tests.unit.controllers.modelversion.driver import DIGEST, MODEL, NAME, UID, Version, begin
from tests.unit.controllers.versions import digest_of

SINCE = "2026-01-01T00:00:00Z"
RULES: Manifest = {
    "data": [{"name": "holdout", "uri": "pvc://data/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.93}],
}
REF = VersionRef(name=NAME, uid=UID, digest=DIGEST)


def model(gate: Manifest | None = RULES, **status: Any) -> Manifest:
    alias: Manifest = {"name": "champion"} if gate is None else {"name": "champion", "gate": gate}
    return make(MODELS, MODEL, spec={"aliases": [alias]}, status=status)


def promotion(name: str, *, phase: str = "Evaluating", version: str = NAME) -> Manifest:
    spec = {"model": MODEL, "alias": "champion", "version": version}
    return make(PROMOTIONS, name, spec=spec, status={"phase": phase})


def evaluation(
    asked_by: Manifest,
    verdict: str | None = "Fail",
    *,
    rules: Manifest = RULES,
    measured: VersionRef = REF,
    recent_after: str | None = None,
) -> Manifest:
    """The Evaluation that a Promotion asks for by `rules`, with its verdict."""
    obj = stamped(render_evaluation(asked_by, Gate.model_validate(rules), REF, None, recent_after=recent_after))
    name = obj["metadata"]["name"]
    obj["metadata"] |= {"uid": f"uid-of-{name}", "resourceVersion": "1", "creationTimestamp": SINCE}
    if verdict is not None:
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Measured",
            "message": f"{verdict}: accuracy: 0.61 < 0.93",
            "lastTransitionTime": SINCE,
        }
        obj["status"] = {
            "verdict": verdict,
            "candidate": measured.to_manifest(),
            "metrics": [{"name": "accuracy", "verdict": verdict, "n": 898}],
            "data": [{"name": "holdout", "digest": digest_of("rows")}],
            "completionTime": SINCE,
            "conditions": [ready],
        }
    return obj


def measured(verdict: str = "Fail", **options: Any) -> Version:
    """A verified version with one Promotion and its Evaluation."""
    asked_by = promotion("try")
    version = begin(model())
    version.at(3).verified()
    version.put(asked_by, evaluation(asked_by, verdict, **options))
    return version


def results_of(*objects: Manifest) -> list[GateResult]:
    """What is recorded where the Promotion `try` waits."""
    return list(gate_results(REF, NAMESPACE, ToyWorld(*objects), promotions={"try"}, recorded=()))


def test_a_failed_gate_is_recorded_with_its_evidence_and_rejects() -> None:
    version = measured()
    (record,) = version.status["gates"]
    key = gate_key(MODEL, "champion", Gate.model_validate(RULES))
    assert (record["gate"], record["alias"], record["verdict"], record["digest"]) == (key, "champion", "Fail", DIGEST)
    assert (record["promotion"], record["promotionUid"], record["rows"]) == ("try", "uid-of-try", 898)
    assert (record["data"], record["time"]) == (digest_of("rows"), SINCE)
    rejected = condition(version.obj, "Rejected")
    assert (rejected["status"], rejected["reason"]) == ("True", "GateFailed")
    assert "accuracy: 0.61 < 0.93" in rejected["message"]
    assert condition(version.obj, "Ready")["status"] == "True"
    assert version.status["phase"] == "Rejected"
    assert [event.reason for event in version.cluster.events] == ["Verified", "GateFailed"]


@pytest.mark.parametrize(("group", "recorded"), [(None, ["accuracy", "f1_macro"]), ("user", [])])
def test_the_values_over_all_independent_rows_are_recorded(group: str | None, recorded: list[str]) -> None:
    rules = RULES if group is None else {**RULES, "columns": {"group": group}}
    asked_by = promotion("try")
    found = evaluation(asked_by, "Pass", rules=rules)
    all_rows = {"verdict": "Pass", "candidate": 0.95, "n": 898}
    found["status"]["metrics"] = [
        {"name": "accuracy", **all_rows},
        {"name": "accuracy", "slice": "old", **all_rows},
        {"name": "f1_macro", "rarestClass": 80, **all_rows},
        {"name": "balanced_accuracy", "verdict": "NoData"},
    ]
    version = begin(model(rules))
    version.at(3).verified()
    version.put(asked_by, found)
    (record,) = version.status["gates"]
    figures = record.get("figures", [])
    assert [figure["name"] for figure in figures] == recorded
    assert [(figure["value"], figure["n"], figure.get("rarestClass")) for figure in figures] == [
        (0.95, 898, None),
        (0.95, 898, 80),
    ][: len(recorded)]


@pytest.mark.parametrize(("completed", "recorded"), [("2026-01-01T00:05:00Z", "2026-01-01T00:05:00Z"), (None, SINCE)])
def test_the_record_has_the_end_of_the_measurement_and_the_rows_of_its_largest_rule(
    completed: str | None, recorded: str
) -> None:
    asked_by = promotion("try")
    found = evaluation(asked_by)
    rule = {"name": "accuracy", "verdict": "Fail"}
    found["status"] |= {"completionTime": completed, "metrics": [{**rule, "n": n} for n in (449, 898, None)]}
    (record,) = results_of(model(), asked_by, found)
    assert (record.time, record.rows) == (recorded, 898)


@pytest.mark.parametrize("there", [model(None), make(MODELS, MODEL, spec={"aliases": [{"name": "other"}]}), None])
def test_without_the_gate_nothing_is_recorded(there: Manifest | None) -> None:
    asked_by = promotion("try")
    assert results_of(asked_by, evaluation(asked_by), *([there] if there is not None else [])) == []


def test_a_promotion_that_is_gone_waits_for_nothing() -> None:
    assert results_of(model(), evaluation(promotion("try"))) == []


@pytest.mark.parametrize(
    ("verdict", "recorded"), [("Pass", True), ("Inconclusive", True), ("NoData", False), ("Error", False)]
)
def test_nothing_but_a_failure_rejects_and_only_what_rests_on_figures_is_recorded(verdict: str, recorded: bool) -> None:
    version = measured(verdict)
    assert ("gates" in version.status) is recorded
    assert condition(version.obj, "Rejected")["status"] == "False"


def test_the_record_outlives_the_promotion_and_the_evaluation() -> None:
    version = measured()
    before = version.status
    for resource in (PROMOTIONS, EVALUATIONS):
        version.cluster.world.remove(version.cluster.only(resource))
    version.settle()
    assert version.status == before


@pytest.mark.parametrize(
    "rules",
    [
        {**RULES, "metrics": [{"name": "accuracy", "min": 1}]},
        {**RULES, "metrics": [{"name": "accuracy", "min": -1000}]},
    ],
)
@pytest.mark.parametrize("named_as_asked", [True, False])
def test_an_evaluation_that_the_gate_does_not_ask_for_is_not_recorded(rules: Manifest, named_as_asked: bool) -> None:
    asked_by = promotion("try")
    forged = evaluation(asked_by, "Fail", rules=rules)
    if named_as_asked:
        forged["metadata"]["name"] = evaluation(asked_by)["metadata"]["name"]
    version = begin(model())
    version.at(3).verified()
    version.put(asked_by, forged)
    assert "gates" not in version.status


def test_a_measurement_of_another_object_of_the_name_is_not_recorded() -> None:
    other = VersionRef(name=NAME, uid="uid-of-its-predecessor", digest=DIGEST)
    assert "gates" not in measured(measured=other).status


@pytest.mark.parametrize("phase", ["Promoted", "Rejected", "Superseded"])
def test_what_no_open_promotion_waits_for_is_not_recorded(phase: str) -> None:
    asked_by = promotion("try", phase=phase)
    version = begin(model())
    version.at(3).verified()
    version.put(asked_by, evaluation(asked_by))
    assert "gates" not in version.status


def test_a_version_created_again_is_rejected_for_what_its_model_remembers() -> None:
    entry = {"gate": "g", "digest": DIGEST, "version": "former", "alias": "champion", "promotion": "try"}
    version = begin(model(rejections=[{**entry, "promotionUid": "u", "time": SINCE}]))
    version.at(3).verified()
    rejected = condition(version.obj, "Rejected")
    assert rejected["status"] == "True"
    assert "as former (Promotion try)" in rejected["message"]


def test_a_verdict_concerns_the_version_once() -> None:
    asked_by = promotion("try")
    before, after = evaluation(asked_by, None), evaluation(asked_by)
    assert list(concerned_by_evaluation(before, ToyWorld())) == []
    assert list(concerned_by_verdict(before, after, ToyWorld())) == [Key(NAMESPACE, NAME)]
    assert list(concerned_by_verdict(after, after, ToyWorld())) == []


@pytest.mark.parametrize("owners", [[], [{"kind": "Model", "name": "try", "uid": "u", "controller": True}]])
def test_the_verdict_of_an_evaluation_that_no_promotion_made_concerns_no_version(owners: list[Manifest]) -> None:
    by_hand = evaluation(promotion("try"))
    by_hand["metadata"]["ownerReferences"] = owners
    assert list(concerned_by_evaluation(by_hand, ToyWorld())) == []
    assert results_of(model(), promotion("try"), by_hand) == []


def result(number: int, *, gate: str = "g", verdict: Verdict = Verdict.PASS) -> GateResult:
    return GateResult(
        gate=gate,
        alias="champion",
        digest=DIGEST,
        verdict=verdict,
        evaluation=f"e{number}",
        evaluation_uid=f"e{number}",
        promotion=f"p{number}",
        promotion_uid=f"p{number}",
        time=f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
    )


def test_of_many_results_the_oldest_make_room_but_the_latest_failure_of_each_gate_stays() -> None:
    failures = [result(number, verdict=Verdict.FAIL) for number in (0, 1)]
    known = (*failures, *(result(number) for number in range(2, MAX_GATE_RESULTS)))
    results = with_results(known, [result(90), result(91)], waiting=())
    assert len(results) == MAX_GATE_RESULTS
    assert [entry.evaluation for entry in results[:2]] == ["e1", "e3"]
    assert [entry.evaluation for entry in results[-2:]] == ["e90", "e91"]


def test_a_pass_makes_room_and_the_first_failure_of_any_gate_does_not() -> None:
    failures = (result(1, gate="h", verdict=Verdict.FAIL), result(2, verdict=Verdict.FAIL))
    known = (result(0), *failures, *(result(number) for number in range(3, MAX_GATE_RESULTS)))
    results = with_results(known, [result(90), result(91)], waiting=())
    assert [entry.evaluation for entry in results[:3]] == ["e1", "e2", "e4"]


def test_a_version_is_rejected_by_the_first_gate_that_refused_it() -> None:
    for failures in permutations([result(1, verdict=Verdict.FAIL), result(2, verdict=Verdict.FAIL)]):
        assert "(Promotion p1)" in rejection(failures, (), ()).message


@pytest.mark.parametrize(("known", "kept"), [(MAX_GATE_RESULTS - 1, True), (MAX_GATE_RESULTS, False)])
def test_what_open_promotions_wait_for_makes_no_room(known: int, kept: bool) -> None:
    waiting = [f"p{number}" for number in range(known)]
    results = with_results([result(number) for number in range(known)], [result(90)], waiting=waiting)
    assert (results[-1].evaluation == "e90") is kept
    assert len(results) == MAX_GATE_RESULTS


def test_a_recorded_result_is_not_recorded_again() -> None:
    known = (result(0),)
    assert with_results(known, [result(0)], waiting=()) == known


def test_the_gate_is_what_it_asks_and_not_how_its_job_runs() -> None:
    def key(**changes: Any) -> str:
        alias = Alias.model_validate({"name": "champion", "gate": {**RULES, **changes}})
        assert alias.gate is not None
        return gate_key(MODEL, "champion", alias.gate)

    same = {key(), key(taskPods={"nodeSelector": {"a": "b"}}), key(baseline={"missing": "Reject"})}
    same |= {key(image="example/w:2"), key(output={"uri": "pvc://reports"})}
    assert len(same) == 1
    assert key(metrics=[{"name": "accuracy", "min": 0.94}]) not in same
    assert key(data=[{"name": "holdout", "uri": "pvc://data/other.npz"}]) not in same
