# SPDX-License-Identifier: Apache-2.0
"""The policy's state space, searched: any order of windows, users, trainings, promotions, crashes and pauses."""

from datetime import datetime
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.retrainpolicy import MAX_DECISIONS
from mlops_operator.api.retraintrigger import MANUAL
from mlops_operator.controllers.retrainpolicy.render import carried_decision
from mlops_operator.kube.resources import MODEL_MONITORS, MODELS, PROMOTIONS, RETRAIN_POLICIES, TRAINING_JOBS
from tests.unit.controllers.builders import later
from tests.unit.controllers.retrainpolicy import scene
from tests.unit.controllers.versions import model_version

NIGHTLY: Manifest = {"name": "often", "cron": {"schedule": "*/10 * * * *"}}
THRESHOLD, OPEN, RUNS, PER = 3, 2 * 3600, 4, 6 * 3600
GUARD: Manifest = {
    "cooldown": "15m",
    "backoff": {"initial": "10m", "cap": "1h"},
    "circuitBreaker": {"failureThreshold": THRESHOLD, "openDuration": "2h"},
    "budget": {"runs": RUNS, "per": "6h"},
}
GOOD = ("Promoted", "Trained", "HeldByUser")


class PolicyMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        triggers = [{"name": "fell", "signal": "live"}, NIGHTLY]
        self.toy = scene.cluster(triggers=triggers, guard=GUARD)
        scene.promote(self.toy, "digits-a", owner=self.toy.get(MODELS, "digits"))
        self.seconds = 600.0
        self.asked = 0
        self.closed: dict[str, tuple[Any, ...]] = {}
        self.starts: dict[str, Manifest] = {}
        self.failed: list[datetime] = []
        self.undone: str | None = None

    # -- the world -------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 59, 60, 600, 901, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds
        self.toy.now = later(self.seconds)

    @rule()
    def a_user_promotes_a_former_version(self) -> None:
        (alias,) = self.toy.get(MODELS, "digits")["status"]["aliases"]
        if alias["history"] and alias["history"][0]["version"] != alias["version"]:
            former = alias["history"][0]["version"]
            scene.promote(self.toy, former, by=f"user-{self.toy.now.timestamp()}-{former}")
            own = [term for term in (alias, *alias["history"]) if not term["promotion"].startswith(("to-", "user-"))]
            self.undone = timestamp(self.toy.now) if not own or own[0]["version"] != former else None

    @rule()
    def a_user_resumes(self) -> None:
        scene.resume(self.toy, str(self.toy.now))
        self.toy.settle(scene.CONTROLLER, scene.NAME)
        self.failed, self.undone = [], None

    @rule(letter=st.sampled_from("TTTFU"))
    def a_window_is_measured(self, letter: str) -> None:
        monitor = self.toy.get(MODEL_MONITORS, "accuracy")
        (window,) = scene.monitor(letter, start=self.seconds - 60)["status"]["windows"]
        monitor["status"]["windows"] = [*monitor["status"]["windows"], window][-20:]
        self.toy.store(monitor)

    @rule()
    def a_person_asks(self) -> None:
        self.asked += 1
        scene.ask(self.toy, str(self.asked % 3))

    @rule(suspend=st.booleans())
    def a_person_suspends(self, suspend: bool) -> None:
        if bool(self.policy()["spec"].get("suspend")) != suspend:
            self.toy.edit(RETRAIN_POLICIES, scene.NAME, suspend=suspend)

    @precondition(lambda self: self.running())
    @rule(good=st.booleans())
    def a_training_ends(self, good: bool) -> None:
        job = self.running()[0]
        version = f"v-{job['metadata']['name']}" if good else None
        scene.training_ends(self.toy, version=version, job=job)

    @precondition(lambda self: self.unverified())
    @rule(ready=st.booleans())
    def a_version_is_verified(self, ready: bool) -> None:
        self.toy.world.put(model_version(self.unverified()[0], ready=ready, stalled=not ready))

    @precondition(lambda self: self.asking())
    @rule(phase=st.sampled_from(["Promoted", "Rejected", "Superseded"]))
    def a_promotion_is_decided(self, phase: str) -> None:
        promotion = self.asking()[0]
        promotion["status"] = {"phase": phase, "message": "said"}
        self.toy.store(promotion)
        if phase == "Promoted":
            scene.promote(self.toy, promotion["spec"]["version"], by=promotion["metadata"]["name"])
            self.undone = None

    @rule(result=st.sampled_from(["Promoted", "Promoted", "Rejected", "failed"]))
    def a_training_comes_to_its_end(self, result: str) -> None:
        """Several steps at once, so that the search gets beyond the first round."""
        self.time_passes(3600)
        for letter in "TT":
            self.a_window_is_measured(letter)
            self.time_passes(60)
        self.it_comes_to_rest()
        self.nothing_starts_against_a_guard_but_by_hand()
        if self.running():
            self.a_training_ends(result != "failed")
            self.it_comes_to_rest()
        if self.unverified():
            self.a_version_is_verified(True)
            self.it_comes_to_rest()
        if self.asking():
            self.a_promotion_is_decided(result if result != "failed" else "Superseded")
            self.it_comes_to_rest()

    @precondition(lambda self: self.running())
    @rule()
    def a_person_deletes_a_training(self) -> None:
        job = self.running()[0]
        self.toy.world.remove(job)
        decision = carried_decision(job)
        if decision is not None and decision.id not in {entry["id"] for entry in self.decisions()}:
            # The operator ended before it recorded the start, and nothing is left that tells of it.
            self.starts.pop(job["metadata"]["name"], None)

    # -- the operator ----------------------------------------------------------------------

    @rule()
    def it_plans(self) -> None:
        self.toy.step(scene.CONTROLLER, scene.NAME)

    @rule()
    def it_ends_before_the_status(self) -> None:
        for action in self.toy.plan(scene.CONTROLLER, scene.NAME).actions:
            assert self.toy._act(action) is None

    @rule()
    def it_comes_to_rest(self) -> None:
        self.toy.settle(scene.CONTROLLER, scene.NAME)

    # -- what must always hold -------------------------------------------------------------

    @invariant()
    def one_training_at_a_time(self) -> None:
        assert len(self.running()) <= 1

    @invariant()
    def the_history_is_bounded_and_its_records_are_distinct(self) -> None:
        ids = [decision["id"] for decision in self.decisions()]
        assert len(ids) == len(set(ids)) <= MAX_DECISIONS

    @invariant()
    def one_decision_is_open(self) -> None:
        started = [decision for decision in self.decisions() if decision["outcome"] == "Started"]
        assert len([decision for decision in started if "result" not in decision]) <= 1

    @invariant()
    def an_end_never_changes(self) -> None:
        for decision in self.decisions():
            if "result" in decision:
                end = (decision["result"], decision["completedAt"], decision.get("modelVersion"))
                if decision["id"] not in self.closed and decision["result"] not in GOOD:
                    self.failed.append(parse_timestamp(decision["completedAt"]))
                if decision["id"] not in self.closed and decision["result"] in ("Promoted", "Trained"):
                    self.failed = []
                assert self.closed.setdefault(decision["id"], end) == end

    @invariant()
    def nothing_starts_against_a_guard_but_by_hand(self) -> None:
        for job in sorted(self.toy.world.all(TRAINING_JOBS), key=_number):
            name = job["metadata"]["name"]
            if name in self.starts:
                continue
            decision = carried_decision(job)
            assert decision is not None
            self.starts[name] = decision.to_manifest()
            if decision.trigger == MANUAL:
                continue
            now = parse_timestamp(decision.time)
            assert self.undone is None, f"{name} started after a user's undo at {self.undone}"
            assert len(self.failed) < THRESHOLD or (now - self.failed[-1]).total_seconds() >= OPEN
            in_period = [entry for entry in self.starts.values() if (now - _time(entry)).total_seconds() < PER]
            assert len(in_period) <= RUNS, f"{len(in_period)} starts within {PER} s"

    @invariant()
    def no_promotion_overrides_a_user(self) -> None:
        for promotion in self.asking():
            if self.undone is None or promotion["metadata"]["creationTimestamp"] <= self.undone:
                continue
            decision = next(
                entry for entry in self.decisions() if entry.get("promotion") == promotion["metadata"]["name"]
            )
            assert decision["trigger"] == MANUAL
            assert decision["time"] >= self.undone

    @invariant()
    def every_training_that_is_known_has_its_evidence(self) -> None:
        for decision in self.decisions():
            if decision["outcome"] == "Started" and decision["trigger"] == "fell":
                assert len(decision["evidence"]) >= 2
                assert all(entry["windowEnd"] <= timestamp(self.toy.now) for entry in decision["evidence"])

    # -- looking ---------------------------------------------------------------------------

    def policy(self) -> Manifest:
        return self.toy.get(RETRAIN_POLICIES, scene.NAME)

    def decisions(self) -> list[Manifest]:
        return list(self.policy()["status"].get("decisions", ()))

    def running(self) -> list[Manifest]:
        return [job for job in self.toy.world.all(TRAINING_JOBS) if "status" not in job]

    def asking(self) -> list[Manifest]:
        return [promotion for promotion in self.toy.world.all(PROMOTIONS) if "status" not in promotion]

    def unverified(self) -> list[str]:
        known = {obj["metadata"]["name"] for (_, _), obj in self.toy.world.objects.items()}
        versions = [job.get("status", {}).get("modelVersion") for job in self.toy.world.all(TRAINING_JOBS)]
        return [name for name in versions if name and name not in known]


def _number(job: Manifest) -> int:
    """Position in the order of creation, by the toy cluster's UIDs."""
    return int(job["metadata"]["uid"].removeprefix("uid-"))


def _time(decision: Manifest) -> datetime:
    return parse_timestamp(decision["time"])


TestPolicy = PolicyMachine.TestCase
TestPolicy.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
