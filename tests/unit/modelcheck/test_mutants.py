# SPDX-License-Identifier: Apache-2.0
"""Every promise has a bug that breaks it, and the walk finds it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import PROMOTIONS
from mlops_operator.runtime.work.plan import Plan
from tests.unit.modelcheck import mutants
from tests.unit.modelcheck.catalog import DEPTH, FAULT, PERSON
from tests.unit.modelcheck.mutants import Change, Mutant
from tests.unit.modelcheck.scenarios import modeldeployment, promotion, retrainpolicy, trainingjob
from tests.unit.modelcheck.state import Budget, Scenario
from tests.unit.modelcheck.walk import Broken, walk


def mutated(scenario: Scenario, change: Change, *, only: int = 0) -> Scenario:
    """The scenario with a bug in one of its controllers."""
    scenario.controllers = tuple(
        Mutant(controller, change) if number == only else controller
        for number, controller in enumerate(scenario.controllers)
    )
    return scenario


def training() -> Scenario:
    return trainingjob.Training()


def for_ever_another_message(obj: Manifest, plan: Plan) -> Plan:
    """A status that is different each time."""
    if plan.status is None:
        return plan
    return replace(plan, status={**plan.status, "message": obj["metadata"]["resourceVersion"]})


def never_a_second_attempt(obj: Manifest, plan: Plan) -> Plan:
    """It plans nothing for what failed once."""
    return Plan() if (obj.get("status") or {}).get("phase") == "Retrying" else plan


def one_attempt_too_many(obj: Manifest, plan: Plan) -> Plan:
    """An attempt more than allowed is put on record."""
    if plan.status is None or plan.status.get("phase") != "Retrying":
        return plan
    last = plan.status["attempts"][-1]
    more = [{**last, "index": last["index"] + number} for number in (1, 2)]
    return replace(plan, status={**plan.status, "attempts": [*plan.status["attempts"], *more]})


def gate_left_out(obj: Manifest, plan: Plan) -> Plan:
    """The alias moves for a Promotion that nobody judged."""
    if plan.status is None or plan.status.get("aliases"):
        return plan
    alias = {
        "name": "champion",
        "version": "digits-a",
        "versionUid": "uid-of-digits-a",
        "digest": "sha256:0",
        "promotion": "to-a",
        "promotionUid": "u",
        "since": "x",
    }
    return replace(plan, status={**plan.status, "aliases": [alias]})


def history_forgotten(obj: Manifest, plan: Plan) -> Plan:
    """Decisions are dropped when they are old."""
    known = (obj.get("status") or {}).get("decisions") or ()
    return mutants.without("decisions")(obj, plan) if any("result" in entry for entry in known) else plan


CASES: Sequence[tuple[str, Callable[[], Scenario], Change, Budget, str]] = [
    ("random name", training, mutants.actions(mutants.random_name), FAULT, "another plan"),
    ("name after version", training, mutants.name_after_version, FAULT, "no rest|two Jobs"),
    ("no owner", training, mutants.actions(mutants.no_owner), FAULT, "would not be owned"),
    ("no uid", training, mutants.actions(mutants.no_uid), PERSON, "planned for UID"),
    ("attempts forgotten", training, mutants.without("attempts"), FAULT, "no rest|end is not recorded"),
    ("phase reopened", training, mutants.reopened, FAULT, "became Running|phase Running|has work"),
    ("generation back", training, mutants.generation_back, FAULT, "observedGeneration went"),
    ("one attempt too many", training, one_attempt_too_many, FAULT, "at most 2 are allowed"),
    ("another message", training, for_ever_another_message, FAULT, "no rest|has work"),
    ("no second attempt", training, never_a_second_attempt, FAULT, "rests in Retrying"),
    ("decisions forgotten", retrainpolicy.Retraining, history_forgotten, FAULT, "decisions .* became"),
]


@pytest.mark.parametrize(
    ("scenario", "change", "budget", "words"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_walk_finds_it(scenario: Callable[[], Scenario], change: Change, budget: Budget, words: str) -> None:
    with pytest.raises(Broken, match=words):
        walk(mutated(scenario(), change), budget, depth=DEPTH, most=3000)


def test_the_walk_finds_an_alias_that_moves_without_a_gate() -> None:
    with pytest.raises(Broken, match="no recorded passing gate"):
        walk(mutated(promotion.small()[0], gate_left_out, only=1), FAULT, depth=DEPTH, most=3000)


def test_the_walk_finds_a_server_that_goes_before_its_successor_is_ready() -> None:
    scenario = modeldeployment.Serving("modeldeployment")
    scenario.controllers = (mutants.HastyRollout(scenario.controllers[0], mutants.unchanged),)
    with pytest.raises(Broken, match="ready servers were behind the Service"):
        walk(scenario, PERSON, depth=DEPTH, most=3000)


def test_the_walk_finds_a_change_that_wakes_nobody() -> None:
    scenario = promotion.small()[0]
    real = scenario.controllers[1]
    watches = [
        replace(watch, keys=lambda _obj, _world: (), between=None)
        for watch in real.watches
        if watch.resource == PROMOTIONS
    ]
    others = [watch for watch in real.watches if watch.resource != PROMOTIONS]
    mutant = Mutant(real, mutants.unchanged, watches=[*others, *watches])
    scenario.controllers = (scenario.controllers[0], mutant, *scenario.controllers[2:])
    with pytest.raises(Broken, match=r"nobody wakes Model|rests in Promoting"):
        walk(scenario, FAULT, depth=DEPTH, most=3000)
