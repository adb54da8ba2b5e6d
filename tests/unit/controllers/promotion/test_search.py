# SPDX-License-Identifier: Apache-2.0
"""Promotions and the Model that moves the alias, searched: any order of requests, verdicts, moves and crashes."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import condition, later
from tests.unit.controllers.promotion import scene
from tests.unit.controllers.versions import model_version

MODEL = ModelController(Settings())
VERSIONS = ("digits-a", "digits-b", "digits-c")
FINAL = ("Promoted", "Rejected", "Superseded")


def phase_of(promotion: Manifest) -> str:
    return str(promotion.get("status", {}).get("phase", ""))


class PromotionMachine(RuleBasedStateMachine):
    @initialize(bootstrap=st.booleans())
    def there_is_a_model(self, bootstrap: bool) -> None:
        model = scene.model()
        model["spec"]["aliases"][0]["bootstrap"] = bootstrap
        self.toy = scene.cluster(model, model_version("digits-c"))
        self.toy.world.put(model)
        self.seconds = 0
        self.requests = 0
        self.decided: dict[str, Manifest] = {}

    # -- the world -------------------------------------------------------------------------

    @rule(version=st.sampled_from(VERSIONS), waits=st.integers(0, 1))
    def somebody_asks(self, version: str, waits: int) -> None:
        if self.requests >= 6:
            return
        self.requests += 1
        self.seconds += waits
        self.toy.now = later(self.seconds)
        self.toy.world.put(
            scene.promotion(f"p{self.requests % 2}{self.requests}", version=version, created=self.toy.now)
        )

    @precondition(lambda self: self.open_evaluations())
    @rule(verdict=st.sampled_from(["Pass", "Pass", "Fail", "Inconclusive", "Error"]), data=st.data())
    def an_evaluation_ends(self, verdict: str, data: st.DataObject) -> None:
        evaluation = data.draw(st.sampled_from(self.open_evaluations()))
        evaluation["status"] = {"phase": "Succeeded", "verdict": verdict}
        self.toy.store(evaluation)

    @rule(version=st.sampled_from(VERSIONS))
    def a_version_goes_or_comes_back(self, version: str) -> None:
        names = [obj["metadata"]["name"] for obj in self.toy.world.all(MODEL_VERSIONS)]
        if version in names:
            self.toy.world.remove(self.toy.get(MODEL_VERSIONS, version))
        else:
            self.toy.world.put(model_version(version))

    # -- the operator ----------------------------------------------------------------------

    @precondition(lambda self: self.promotions())
    @rule(data=st.data())
    def a_promotion_is_planned(self, data: st.DataObject) -> None:
        self.toy.step(scene.CONTROLLER, data.draw(st.sampled_from(self.promotions())))

    @precondition(lambda self: self.promotions())
    @rule(data=st.data())
    def the_operator_ends_before_a_promotion_s_status(self, data: st.DataObject) -> None:
        plan = self.toy.plan(scene.CONTROLLER, data.draw(st.sampled_from(self.promotions())))
        for action in plan.actions:
            assert self.toy._act(action) is None

    @rule()
    def the_model_is_planned(self) -> None:
        before = self.alias()
        self.toy.step(MODEL, "digits")
        after = self.alias()
        if after.get("promotionUid") != before.get("promotionUid"):
            mover = self.toy.get(PROMOTIONS, after["promotion"])
            assert condition(mover, "GatePassed")["status"] == "True"
            assert mover["status"].get("from") == before.get("version")
            assert phase_of(mover) == "Promoting"

    @rule()
    def everything_comes_to_rest(self) -> None:
        for _ in range(20):
            before = len(self.toy.writes)
            self.the_model_is_planned()
            for name in self.promotions():
                self.toy.step(scene.CONTROLLER, name)
            if len(self.toy.writes) == before:
                break
        else:
            raise AssertionError(f"no rest: {self.toy.writes[-12:]}")
        self.all_is_told()

    def all_is_told(self) -> None:
        """At rest every promotion is decided, or waits for an evaluation or a version; moves are recorded as such."""
        terms = [self.alias(), *self.alias().get("history", ())]
        moved = {term["promotionUid"] for term in terms if term}
        for promotion in self.toy.world.all(PROMOTIONS):
            phase = phase_of(promotion)
            assert phase in (*FINAL, "Evaluating", "Pending")
            if promotion["metadata"]["uid"] in moved:
                assert phase == "Promoted"
            elif phase == "Promoted":
                assert condition(promotion, "Ready")["reason"] == "AlreadyThere"

    # -- what must always hold -------------------------------------------------------------

    @invariant()
    def a_decision_never_changes(self) -> None:
        for promotion in self.toy.world.all(PROMOTIONS):
            if phase_of(promotion) in FINAL:
                name = promotion["metadata"]["name"]
                assert self.decided.setdefault(name, promotion["status"]) == promotion["status"]

    @invariant()
    def the_newest_request_is_not_superseded(self) -> None:
        promotions = self.toy.world.all(PROMOTIONS)
        order = [(obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]) for obj in promotions]
        for promotion in promotions:
            key = (promotion["metadata"]["creationTimestamp"], promotion["metadata"]["name"])
            assert phase_of(promotion) != "Superseded" or key != max(order)

    # -- looking ---------------------------------------------------------------------------

    def alias(self) -> Manifest:
        aliases = self.toy.get(MODELS, "digits").get("status", {}).get("aliases") or [{}]
        return dict(aliases[0])

    def promotions(self) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.toy.world.all(PROMOTIONS)]

    def open_evaluations(self) -> list[Manifest]:
        return [obj for obj in self.toy.world.all(EVALUATIONS) if "status" not in obj]


TestPromotions = PromotionMachine.TestCase
TestPromotions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
