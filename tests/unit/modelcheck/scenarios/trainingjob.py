# SPDX-License-Identifier: Apache-2.0
"""A TrainingJob with two attempts, and one that registers a version."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from operator import methodcaller

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, SERVICES, TRAINING_JOBS
from tests.unit.controllers.builders import job_ended, later
from tests.unit.controllers.trainingjob.driver import NAME, model_artifact
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id, Item
from tests.unit.modelcheck.scenarios.base import Base, create, deletions, edits, run_uid, status_of
from tests.unit.modelcheck.state import Happening

FINAL = frozenset({"Succeeded", "Failed"})

MISSING = json.dumps({"reason": "DataNotFound", "message": "nothing is at train (pvc://store/train.npz)"})

EVICTED = "evicted"
"""Mark in the status of a Job of whose pods one was told to stop before it had ended."""

STOPPED: Manifest = {"conditions": [{"type": "Suspended", "status": "True"}], EVICTED: True}


def _gone(job: Item, good: bool, server: ApiServer) -> None:
    status = job_ended(job.data, at=later(server.now), succeeded=good)["status"]
    server.report(job, {**status, EVICTED: True})


class Training(Base):
    """One TrainingJob; `spec` beside its image and one retry; `says` is what a pod that failed leaves."""

    terminal = {TRAINING_JOBS: FINAL}
    unowned = frozenset({MODEL_VERSIONS})
    waits = (30,)

    def __init__(self, name: str = "trainingjob", most: int = 1, says: str = "bang", **spec: object) -> None:
        self.name = name
        self.says = says
        self.controllers = (TrainingJobController(Settings()),)
        self.spec: Manifest = {"image": "example/train:1", "backoffLimit": most, **spec}
        self.most = most

    def begin(self, server: ApiServer) -> None:
        create(server, MODELS, "m", {})
        self.submit(server)

    def submit(self, server: ApiServer) -> None:
        """A person makes the TrainingJob."""
        create(server, TRAINING_JOBS, NAME, self.spec, status={"observedGeneration": -1})

    def job(self, job: Item) -> Iterator[Happening]:
        if not (job.data.get("status") or {}).get(EVICTED):
            yield from super().job(job)
        elif jobs.ended(job.data) or status_of(job).get("conditions"):
            return
        elif job.data["spec"].get("suspend"):
            yield Happening(f"{job.id} stops", methodcaller("report", job, STOPPED))
        else:
            for good in (True, False):
                yield Happening(f"{job.id} {'succeeds' if good else 'fails'}, told to stop", partial(_gone, job, good))

    def pods(self, server: ApiServer, job: str) -> Sequence[Manifest]:
        found = super().pods(server, job)
        data = server.get(JOBS, job)
        status = (data.get("status") or {}) if data is not None else {}
        if not status.get(EVICTED):
            return found
        if status.get("conditions"):
            return ()  # whatever ran is gone
        for pod in found:
            pod["metadata"] |= {"deletionTimestamp": timestamp(later(server.now)), "deletionGracePeriodSeconds": 0}
        return found

    def people(self, server: ApiServer) -> Iterator[Happening]:
        for job in server.all(JOBS):
            status = status_of(job)
            if status.get("ready") and not job.data["spec"].get("suspend") and not status.get(EVICTED):
                evicted = {**status, "ready": 0, "active": 0, "terminating": jobs.ranks(job.data), EVICTED: True}
                yield Happening(f"a person evicts the pods of {job.id}", methodcaller("report", job, evicted))
        yield from edits(server, TRAINING_JOBS, NAME, {"suspend": True}, {"suspend": False}, {"backoffLimit": 0})
        yield from edits(server, TRAINING_JOBS, NAME, {"backoffLimit": self.most})
        yield from deletions(server.all(JOBS))
        yield from deletions(server.all(TRAINING_JOBS), held=(False,))
        if Id(TRAINING_JOBS, NAME) not in server.items:
            yield Happening("a person makes the TrainingJob again", self.submit)
        if self.spec.get("model"):
            yield from deletions(server.all(MODELS), held=(False,))
        if not server.refused:
            yield Happening("a quota refuses Jobs", methodcaller("refuse", "Job"))

    def error(self, job: Manifest) -> str:
        return self.says

    def message(self, job: Manifest) -> str:
        if not self.spec.get("model"):
            return ""
        return json.dumps({"v": 1, "uid": run_uid(job), "artifacts": [model_artifact()]})

    def check(self, server: ApiServer) -> None:
        made = Counter((job.owner, job.data["metadata"]["labels"][LABEL_ATTEMPT]) for job in server.all(JOBS))
        assert max(made.values(), default=0) <= 1, f"an attempt has two Jobs: {made}"
        for job in server.all(TRAINING_JOBS):
            attempts = status_of(job).get("attempts") or ()
            own = [entry for entry in attempts if entry.get("outcome") != "Disrupted"]
            assert len(own) <= self.most + 1, f"{len(own)} attempts, at most {self.most + 1} are allowed"
            indexes = [attempt["index"] for attempt in attempts]
            assert indexes == sorted(set(indexes)), f"attempts {indexes}"
            for entry in attempts:
                found = server.get(JOBS, entry["job"])
                evicted = found is not None and (found.get("status") or {}).get(EVICTED)
                assert not (evicted and entry.get("outcome") == "Succeeded"), f"{entry} was told to stop"
        live = [job for job in server.all(JOBS) if not job.going and self._live(job.data)]
        assert len({job.owner for job in live}) == len(live), f"{live} run beside each other"

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource == TRAINING_JOBS and write.before is not None and write.after is not None:
            former, now = (status_of(item).get("attempts") or [] for item in (write.before, write.after))
            ended = [entry for entry in former if entry.get("outcome")]
            assert now[: len(ended)] == ended, f"ended attempts were rewritten: {ended} became {now}"
        if write.id.resource == JOBS and write.after is None and write.before is not None:
            assert not self._runs(write.before, before), "a Job was deleted that may run, or whose end is not recorded"

    def check_rest(self, server: ApiServer) -> None:
        for job in server.all(TRAINING_JOBS):
            status, spec = status_of(job), job.data["spec"]
            held = spec.get("suspend") or (spec.get("model") and Id(MODELS, spec["model"]) not in server.items)
            assert status.get("phase") in FINAL or held, f"{job} rests in {status.get('phase')}"
            versions = [item.id.name for item in server.all(MODEL_VERSIONS)]
            if status.get("phase") == "Succeeded" and spec.get("model"):
                assert status["modelVersion"] in versions
            if status.get("phase") in FINAL:
                live = [entry for entry in server.all(JOBS) if entry.owner == job.uid and self._live(entry.data)]
                assert not live, f"{live} go on beside a TrainingJob that has ended"
        assert not [item for item in server.all(SERVICES) if item.owner not in {x.uid for x in server.items.values()}]

    def _runs(self, job: Item, server: ApiServer) -> bool:
        """Whether pods of it may run, or its end has not been taken note of."""
        missed = self.says == MISSING and jobs.job_phase(job.data) is jobs.JobPhase.FAILED
        recorded = {
            entry["job"]
            for parent in server.all(TRAINING_JOBS)
            if parent.uid == job.owner
            for entry in status_of(parent).get("attempts") or ()
            if entry.get("outcome")
        }
        return "startTime" in status_of(job) and not missed and job.id.name not in recorded

    @staticmethod
    def _live(job: Manifest) -> bool:
        return not (job.get("status") or {}).get("conditions") and not job["spec"].get("suspend")


def small() -> list[Training]:
    """The worlds that are walked."""
    return [
        Training(),
        Training("trainingjob with a model", most=0, model="m", replicas=2),
        Training("trainingjob whose data are late", most=0, says=MISSING, dataDeadline="15s"),
    ]
