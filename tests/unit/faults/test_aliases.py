# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.faults.invariants.aliases import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, changed, child, conditions

GATED = {"name": "champion", "gate": {"metrics": [{"name": "accuracy", "min": 0.5}]}}
OPEN = {"name": "champion"}


def term(version: str, promotion: str) -> Manifest:
    return {
        "version": version,
        "versionUid": f"uid-of-{version}",
        "digest": f"digest of {version}",
        "promotion": promotion,
        "promotionUid": f"uid-of-{promotion}",
        "since": "2026-01-01",
    }


def identity(version: str) -> Manifest:
    return {"name": version, "uid": f"uid-of-{version}", "digest": f"digest of {version}"}


def points(version: str, promotion: str, *history: Manifest) -> Manifest:
    return {"name": "champion", **term(version, promotion), **({"history": list(history)} if history else {})}


def model(*points_at: Manifest, alias: Manifest | None = GATED) -> Manifest:
    return make(MODELS, "m", spec={"aliases": [alias] if alias else []}, status={"aliases": list(points_at)})


def promotion(name: str, version: str, *, reason: str = "GatePassed", **status: Any) -> Manifest:
    return make(
        PROMOTIONS,
        name,
        spec={"model": "m", "alias": "champion", "version": version},
        status={"conditions": conditions(GatePassed=("True", reason)), "candidate": identity(version), **status},
    )


def measured(
    name: str, version: str, *, start: str | None = None, verdict: str = "Pass", recorded: bool = True
) -> list[tuple[Any, Manifest]]:
    """A Promotion that passed the gate, with its Evaluation and the record of its result."""
    against: dict[str, Any] = {"from": start, "baseline": identity(start)} if start else {}
    asked = promotion(name, version, verdict="Pass", evaluation=f"{name}-eval", **against)
    spec = {"candidate": version, **({"baseline": start} if start else {})}
    evaluation = child(EVALUATIONS, f"{name}-eval", asked, spec=spec, status={"verdict": verdict})
    results = [{"evaluationUid": evaluation["metadata"]["uid"], "verdict": verdict}] if recorded else []
    record = make(MODEL_VERSIONS, version, spec={}, status={"gates": results})
    return [(EVALUATIONS, evaluation), (MODEL_VERSIONS, record), (PROMOTIONS, asked)]


def told(*changes: tuple[Any, Manifest]) -> list[str]:
    story = Story()
    for resource, obj in changes:
        story.put(resource, obj)
    return list(check(story.history))


FIRST = (*measured("p1", "v1"), (MODELS, model(points("v1", "p1"))))
SECOND = (*measured("p2", "v2", start="v1"), (MODELS, model(points("v2", "p2", term("v1", "p1")))))


def test_an_alias_that_moves_by_its_gate_and_back() -> None:
    back = promotion("p3", "v1", reason="FormerVersion", rollback=True, **{"from": "v2"})
    rolled = model(points("v1", "p3", term("v2", "p2"), term("v1", "p1")))
    assert told((MODELS, model()), *FIRST, *SECOND, (PROMOTIONS, back), (MODELS, rolled)) == []


def test_an_alias_without_a_gate() -> None:
    asked = promotion("p1", "v1", reason="NoGate")
    assert told((MODELS, model(alias=OPEN)), (PROMOTIONS, asked), (MODELS, model(points("v1", "p1"), alias=OPEN))) == []


def test_a_gate_declared_after_the_decision() -> None:
    asked = promotion("p1", "v1", reason="NoGate")
    assert told((MODELS, model(alias=OPEN)), (PROMOTIONS, asked), (MODELS, model(points("v1", "p1")))) == []


def test_a_decision_that_was_revised_after_it_had_passed() -> None:
    evaluation, record, (_, asked) = measured("p1", "v1")
    revised = changed(asked, status={"conditions": conditions(GatePassed=("Unknown", "Evaluating"))})
    assert (
        told(evaluation, record, (PROMOTIONS, asked), (PROMOTIONS, revised), (MODELS, model(points("v1", "p1")))) == []
    )


def test_an_alias_removed_from_the_spec() -> None:
    assert told(*FIRST, (MODELS, model(alias=None))) == []
    (violation,) = told(*FIRST, (MODELS, model()))
    assert "the alias champion is declared, pointed at v1, and points at nothing" in violation


def test_a_move_by_nothing() -> None:
    (violation,) = told((MODELS, model(points("v1", "p1"))))
    assert "moved to v1 by the Promotion p1, but no passing gate was recorded in it before" in violation


def test_a_move_before_the_gate_was_recorded() -> None:
    (violation,) = told((MODELS, model(points("v1", "p1"))), *measured("p1", "v1"))
    assert violation.startswith("at version 101: models m:")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (measured("p1", "v1", verdict="Fail"), "no Evaluation of it has passed: p1-eval, verdict Pass"),
        ([(PROMOTIONS, promotion("p1", "v1", verdict="Fail"))], "no Evaluation of it has passed: None, verdict Fail"),
        ([(PROMOTIONS, promotion("p1", "v1", reason="NoGate"))], "the alias has a gate, which was not asked"),
        (
            [(PROMOTIONS, promotion("p1", "v1", reason="FormerVersion", rollback=True))],
            "it is no rollback: the alias pointed before at []",
        ),
        ([(PROMOTIONS, promotion("p1", "v1", reason="AlreadyThere"))], "its gate was passed by AlreadyThere"),
        (measured("p1", "v1", recorded=False), "no ModelVersion had recorded the result"),
        (measured("p1", "v9"), "that one asks for {'model': 'm', 'alias': 'champion', 'version': 'v9'}"),
        (measured("p1", "v1", start="v0"), "its gate was passed against v0"),
    ],
)
def test_a_move_without_evidence(changes: list[tuple[Any, Manifest]], what: str) -> None:
    (violation,) = told(*changes, (MODELS, model(points("v1", "p1"))))
    assert what in violation


def test_a_move_to_another_object_of_the_name() -> None:
    (violation,) = told(*measured("p1", "v1"), (MODELS, model({**points("v1", "p1"), "versionUid": "second"})))
    assert "its gate let {'name': 'v1', 'uid': 'uid-of-v1'" in violation


def test_an_evaluation_of_another_pair() -> None:
    (_, evaluation), record, asked = measured("p1", "v1")
    other = changed(evaluation, spec={"baseline": "v0"})
    (violation,) = told((EVALUATIONS, other), record, asked, (MODELS, model(points("v1", "p1"))))
    assert "its Evaluation compared v1 with v0" in violation


@pytest.mark.parametrize("history", [(), (term("v0", "p1"),), (term("v1", "p1"), term("v0", "p0"))])
def test_a_move_that_forgets_where_it_pointed(history: tuple[Manifest, ...]) -> None:
    evidence = measured("p2", "v2", start="v1")
    (violation,) = told(*FIRST, *evidence, (MODELS, model(points("v2", "p2", *history))))
    assert "but its history is" in violation


def test_a_move_by_a_promotion_that_had_its_turn() -> None:
    again = model(points("v1", "p1", term("v2", "p2"), term("v1", "p1")))
    violations = told(*FIRST, *SECOND, (MODELS, again))
    assert "that one had moved it before" in violations[0]


def test_an_alias_that_changes_without_a_promotion() -> None:
    (violation,) = told(*FIRST, (MODELS, model({**points("v1", "p1"), "version": "v2"})))
    assert "the alias champion changed without a Promotion" in violation


RESTORE = {**GATED, "restore": {"version": "v1", "digest": "digest of v1"}}
RESTORED = {
    "name": "champion",
    "version": "v1",
    "versionUid": "uid-of-v1",
    "digest": "digest of v1",
    "reason": "Restored",
    "since": "2026-01-01",
}


def verified(digest: str = "digest of v1") -> tuple[Any, Manifest]:
    """A version whose artifact the operator has verified."""
    spec = {"artifact": {"digest": digest}}
    return MODEL_VERSIONS, make(MODEL_VERSIONS, "v1", spec=spec, status={"conditions": conditions(Ready=("True", "V"))})


def test_a_restore_by_a_verified_digest_and_a_move_from_there() -> None:
    start = (MODELS, model(alias=RESTORE)), verified(), (MODELS, model(RESTORED, alias=RESTORE))
    former = {name: value for name, value in RESTORED.items() if name != "name"}
    second = (*measured("p2", "v2", start="v1"), (MODELS, model(points("v2", "p2", former), alias=RESTORE)))
    assert told(*start, *second) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([verified(), (MODELS, model(RESTORED))], "no spec declared that"),
        ([(MODELS, model(RESTORED, alias=RESTORE))], "no such version was verified before"),
        ([verified("another"), (MODELS, model(RESTORED, alias=RESTORE))], "no such version was verified before"),
        ([*FIRST, verified(), (MODELS, model(RESTORED, alias=RESTORE))], "it pointed at something"),
    ],
)
def test_a_restore_without_a_declaration_a_verification_or_over_a_version(
    changes: list[tuple[Any, Manifest]], words: str
) -> None:
    found = told((MODELS, model()), *changes)
    assert found
    assert words in found[0]
