"""A TrainingJob with two attempts, and one that registers a version."""

import json
from collections import Counter
from collections.abc import Iterator
from operator import methodcaller

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, SERVICES, TRAINING_JOBS
from tests.unit.controllers.trainingjob.driver import NAME, model_artifact
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id
from tests.unit.modelcheck.scenarios.base import Base, create, deletions, edits, run_uid, status_of
from tests.unit.modelcheck.state import Happening

FINAL = frozenset({"Succeeded", "Failed"})


class Training(Base):
    """One TrainingJob; `spec` beside its image and one retry."""

    terminal = {TRAINING_JOBS: FINAL}
    unowned = frozenset({MODEL_VERSIONS})
    waits = (30,)

    def __init__(self, name: str = "trainingjob", most: int = 1, **spec: object) -> None:
        self.name = name
        self.controllers = (TrainingJobController(Settings()),)
        self.spec: Manifest = {"image": "example/train:1", "backoffLimit": most, **spec}
        self.most = most

    def begin(self, server: ApiServer) -> None:
        create(server, MODELS, "m", {})
        self.submit(server)

    def submit(self, server: ApiServer) -> None:
        """A person makes the TrainingJob."""
        create(server, TRAINING_JOBS, NAME, self.spec, status={"observedGeneration": -1})

    def people(self, server: ApiServer) -> Iterator[Happening]:
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

    def message(self, job: Manifest) -> str:
        if not self.spec.get("model"):
            return ""
        return json.dumps({"v": 1, "uid": run_uid(job), "artifacts": [model_artifact()]})

    def check(self, server: ApiServer) -> None:
        jobs = Counter((job.owner, job.data["metadata"]["labels"][LABEL_ATTEMPT]) for job in server.all(JOBS))
        assert max(jobs.values(), default=0) <= 1, f"an attempt has two Jobs: {jobs}"
        for job in server.all(TRAINING_JOBS):
            attempts = status_of(job).get("attempts") or ()
            assert len(attempts) <= self.most + 1, f"{len(attempts)} attempts, at most {self.most + 1} are allowed"
            indexes = [attempt["index"] for attempt in attempts]
            assert indexes == sorted(set(indexes)), f"attempts {indexes}"

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource == TRAINING_JOBS and write.before is not None and write.after is not None:
            former, now = (status_of(item).get("attempts") or [] for item in (write.before, write.after))
            ended = [entry for entry in former if entry.get("outcome")]
            assert now[: len(ended)] == ended, f"ended attempts were rewritten: {ended} became {now}"
        if write.id.resource == JOBS and write.after is None and write.before is not None:
            assert "startTime" not in status_of(write.before), "a Job that had begun was deleted"

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

    @staticmethod
    def _live(job: Manifest) -> bool:
        return not (job.get("status") or {}).get("conditions") and not job["spec"].get("suspend")


def small() -> list[Training]:
    """The worlds that are walked."""
    return [Training(), Training("trainingjob with a model", most=0, model="m", replicas=2)]
