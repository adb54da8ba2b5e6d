# SPDX-License-Identifier: Apache-2.0
"""Random histories of one TrainingJob: whatever happens, the promises hold and it comes to rest."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, TRAINING_JOBS
from tests.unit.controllers.builders import make
from tests.unit.controllers.trainingjob.driver import NAME, Run, model_artifact

TERMINAL = {"Succeeded", "Failed"}


class Histories(RuleBasedStateMachine):
    """A cluster and a person at their worst."""

    run: Run

    @initialize(
        limit=st.integers(0, 3),
        deadline=st.sampled_from([None, 60]),
        replicas=st.sampled_from([1, 2]),
        model=st.booleans(),
        suspend=st.booleans(),
    )
    def create(self, limit: int, deadline: int | None, replicas: int, model: bool, suspend: bool) -> None:
        spec: dict[str, Any] = {"backoffLimit": limit, "replicas": replicas, "suspend": suspend}
        if deadline is not None:
            spec["activeDeadlineSeconds"] = deadline
        if model:
            spec["model"] = "m"
        self.run = Run(spec, make(MODELS, "m", spec={}))
        self.time = 0.0
        self.end: dict[str, Any] | None = None
        self.limit = limit
        self.most = limit
        self.generation = -1
        self.run.settle()

    @property
    def live(self) -> bool:
        jobs = self.run.cluster.world.all(JOBS)
        return bool(jobs) and not jobs[-1].get("status", {}).get("conditions") and not jobs[-1]["spec"].get("suspend")

    @rule(seconds=st.sampled_from([1, 7, 30, 400]))
    def time_passes(self, seconds: int) -> None:
        self.time += seconds
        self.run.at(self.time).settle()

    @precondition(lambda self: self.live)
    @rule()
    def pods_run(self) -> None:
        self.run.job_runs()

    @precondition(lambda self: self.live)
    @rule(good=st.booleans())
    def job_succeeds(self, good: bool) -> None:
        attempt = int(self.run.job["metadata"]["labels"][LABEL_ATTEMPT])
        self.run.job_succeeds(self.run.result(attempt, artifacts=[model_artifact()]) if good else "nonsense")

    @precondition(lambda self: self.live)
    @rule()
    def job_fails(self) -> None:
        self.run.job_fails("bang")

    @precondition(lambda self: self.run.cluster.world.all(JOBS))
    @rule()
    def job_is_deleted(self) -> None:
        self.run.cluster.world.remove(self.run.job)
        self.run.settle()

    @rule(suspend=st.booleans())
    def person_suspends(self, suspend: bool) -> None:
        self.run.edit(suspend=suspend)

    @rule(limit=st.integers(0, 3))
    def person_edits_the_limit(self, limit: int) -> None:
        self.limit = limit
        self.most = max(self.most, limit)
        self.run.edit(backoffLimit=limit)

    @precondition(lambda self: self.end is None)
    @rule(good=st.booleans())
    def operator_dies_before_its_status_is_written(self, good: bool) -> None:
        """The Job ends, the actions are carried out, the status is not."""
        if not self.live:
            return
        before = self.run.status
        self.job_succeeds(good=True) if good else self.job_fails()
        obj = self.run.obj
        obj["status"] = before
        self.run.cluster.store(obj)
        self.run.settle()

    @invariant()
    def promises_hold(self) -> None:
        if not hasattr(self, "run"):
            return
        status = self.run.status
        jobs = self.run.cluster.world.all(JOBS)
        assert len(jobs) <= self.most + 1
        assert len([job for job in jobs if not job.get("status", {}).get("conditions")]) <= 1 + (
            status.get("phase") in TERMINAL
        )
        assert status["observedGeneration"] >= self.generation
        self.generation = status["observedGeneration"]
        if self.end is not None:
            assert {key: status.get(key) for key in self.end} == self.end
        elif status.get("phase") in TERMINAL:
            self.end = {key: status.get(key) for key in ("phase", "attempts", "completionTime", "metrics")}
        assert len(self.run.cluster.world.all(MODEL_VERSIONS)) <= 1
        if status.get("phase") == "Succeeded" and self.run.obj["spec"].get("model"):
            assert status["modelVersion"] == self.run.cluster.only(MODEL_VERSIONS)["metadata"]["name"]

    @invariant()
    def planning_again_changes_nothing(self) -> None:
        if not hasattr(self, "run"):
            return
        plan = self.run.cluster.plan(self.run.controller, NAME)
        assert plan.actions == ()
        assert plan.status in (None, self.run.cluster.get(TRAINING_JOBS, NAME)["status"])
        assert plan.events == ()


Histories.TestCase.settings = settings(
    max_examples=50, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestHistories = Histories.TestCase
