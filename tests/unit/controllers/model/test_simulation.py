# SPDX-License-Identifier: Apache-2.0
"""Random histories of one Model: aliases move for passed Promotions alone, numbers stay, and it comes to rest."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import MODEL_VERSIONS, PROMOTIONS
from tests.unit.controllers.model.driver import NAME, Registry, promotion, version

VERSIONS = [f"v{count}" for count in range(4)]
names = st.sampled_from(VERSIONS)


class Histories(RuleBasedStateMachine):
    """Trainers, promoters and late news."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry(aliases=[{"name": "champion", "bootstrap": True}])
        self.count = 0
        self.numbers: dict[str, int] = {}
        self.pointing_at: str | None = None
        self.moves: list[str] = []

    def promotions(self) -> list[Manifest]:
        return self.registry.cluster.world.all(PROMOTIONS)

    @rule(name=names, ready=st.booleans())
    def train(self, name: str, ready: bool) -> None:
        self.count += 1
        self.registry.put(version(name, ready=ready, uid=f"{name}-{self.count}", age=-self.count))

    @rule(name=names)
    def delete_version(self, name: str) -> None:
        for obj in self.registry.cluster.world.all(MODEL_VERSIONS):
            if obj["metadata"]["name"] == name:
                self.registry.cluster.world.remove(obj)
        self.registry.settle()

    @rule(name=names, origin=st.none() | names, passed=st.booleans())
    def promote(self, name: str, origin: str | None, passed: bool) -> None:
        self.count += 1
        entry = promotion(f"p{self.count}", name, origin=origin, passed=passed, created=self.count)
        self.registry.put(entry)

    @precondition(lambda self: self.promotions())
    @rule(data=st.data(), phase=st.sampled_from(["Promoted", "Rejected", "Superseded"]))
    def decide(self, data: st.DataObject, phase: str) -> None:
        entry = data.draw(st.sampled_from(self.promotions()))
        self.registry.finish(entry["metadata"]["name"], phase)

    @invariant()
    def only_passed_promotions_move_the_alias_and_each_once(self) -> None:
        alias = self.registry.alias()
        if alias is None:
            assert self.pointing_at is None
            return
        terms = [alias["promotionUid"], *(term["promotionUid"] for term in alias.get("history", ()))]
        assert len(set(terms)) == len(terms)
        known = {entry["metadata"]["uid"]: entry for entry in self.promotions()}
        mover = known[alias["promotionUid"]]
        assert mover["spec"]["version"] == alias["version"]
        assert mover["status"]["conditions"][0]["status"] == "True"
        former = alias["history"][0]["version"] if alias.get("history") else None
        assert mover["status"].get("from") == former
        self.pointing_at = alias["version"]

    @invariant()
    def numbers_are_given_once(self) -> None:
        found = {entry["uid"]: entry["number"] for entry in self.registry.status.get("versions", ())}
        assert len(set(found.values())) == len(found)
        for uid, number in found.items():
            assert self.numbers.setdefault(uid, number) == number
        assert max(found.values(), default=0) <= self.registry.status.get("latestVersion", 0)

    @invariant()
    def planning_again_changes_nothing(self) -> None:
        plan = self.registry.cluster.plan(self.registry.controller, NAME)
        assert plan.actions == ()
        assert plan.status == self.registry.status
        assert plan.events == ()


Histories.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestHistories = Histories.TestCase
