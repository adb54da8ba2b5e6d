# SPDX-License-Identifier: Apache-2.0
"""A RetrainPolicy through a round: a signal, a training, a version, a promotion."""

from collections import Counter
from collections.abc import Iterator
from operator import methodcaller

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from tests.unit.controllers.builders import later
from tests.unit.controllers.retrainpolicy import scene
from tests.unit.controllers.versions import model_version
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id, Item
from tests.unit.modelcheck.scenarios.base import Base, deletions, edits, status_of
from tests.unit.modelcheck.state import Happening


class Retraining(Base):
    """One RetrainPolicy; the controllers of what it makes are played."""

    name = "retrainpolicy"
    terminal = {PROMOTIONS: frozenset({"Promoted", "Rejected", "Superseded"})}
    waits = (3600,)
    horizon = 600
    patience = 8000

    def __init__(self) -> None:
        self.controllers = (scene.CONTROLLER,)

    def begin(self, server: ApiServer) -> None:
        server.now = 600
        server.create(MODELS, scene.model())
        server.create(MODEL_DEPLOYMENTS, scene.deployment())
        server.create(MODEL_MONITORS, scene.monitor("TT"))
        self.declare(server)

    def declare(self, server: ApiServer) -> None:
        """A person makes the RetrainPolicy."""
        server.create(RETRAIN_POLICIES, scene.policy())

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        yield from super().cluster(server)
        for item in server.all(TRAINING_JOBS):
            yield from self._training(server, item)
        for item in server.all(PROMOTIONS):
            if "phase" not in status_of(item):
                for phase in ("Promoted", "Rejected"):
                    status = {"phase": phase, "message": "in numbers"}
                    yield Happening(f"{item.id} is {phase}", methodcaller("report", item, status))

    def _training(self, server: ApiServer, item: Item) -> Iterator[Happening]:
        version = f"v-of-{item.uid[-12:]}"
        if not _over(item):
            for good in (True, False):
                yield Happening(
                    f"{item.id} {'succeeds' if good else 'fails'}",
                    methodcaller("report", item, _trained(server, version if good else None)),
                )
        elif status_of(item).get("modelVersion") == version and Id(MODEL_VERSIONS, version) not in server.items:
            made = model_version(version)
            yield Happening(f"{version} is there", methodcaller("create", MODEL_VERSIONS, made))

    def people(self, server: ApiServer) -> Iterator[Happening]:
        for resource in (RETRAIN_POLICIES, TRAINING_JOBS, PROMOTIONS, MODELS):
            yield from deletions(server.all(resource), held=(False,))
        if Id(RETRAIN_POLICIES, scene.NAME) not in server.items:
            yield Happening("a person makes the RetrainPolicy again", self.declare)
        else:
            ask = {"metadata": {"annotations": {scene.TRIGGER: str(server.now)}}}
            yield Happening("a person asks for a training", methodcaller("update", RETRAIN_POLICIES, scene.NAME, ask))
        yield from edits(server, RETRAIN_POLICIES, scene.NAME, {"suspend": True}, {"suspend": False})
        if not server.refused:
            yield Happening("a quota refuses trainings", methodcaller("refuse", "TrainingJob"))

    def check(self, server: ApiServer) -> None:
        running = Counter(item.owner for item in server.all(TRAINING_JOBS) if not _over(item))
        assert max(running.values(), default=0) <= 1, f"a policy has two trainings in flight: {running}"

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource != RETRAIN_POLICIES or write.before is None or write.after is None:
            return
        former, now = (
            {entry["id"]: entry for entry in status_of(item).get("decisions", ())}
            for item in (write.before, write.after)
        )
        assert list(now)[: len(former)] == list(former), f"decisions {list(former)} became {list(now)}"
        for id, entry in former.items():
            if "result" in entry:
                assert now[id] == entry, f"an ended decision was rewritten: {entry} became {now[id]}"

    def check_rest(self, server: ApiServer) -> None:
        for item in server.all(RETRAIN_POLICIES):
            started = [entry for entry in status_of(item).get("decisions", ()) if entry["outcome"] == "Started"]
            assert all("result" in entry for entry in started), f"{item} rests with an open decision: {started}"


def _over(item: Item) -> bool:
    return "completionTime" in status_of(item)


def _trained(server: ApiServer, version: str | None) -> Manifest:
    kind = "Complete" if version else "Failed"
    moment = timestamp(later(server.now))
    said = {"status": "True", "reason": kind, "message": "in words", "lastTransitionTime": moment}
    conditions = [{"type": kind, **said}, {"type": "Ready", **said, "status": str(bool(version))}]
    return {
        "conditions": conditions,
        "completionTime": moment,
        **({"modelVersion": version} if version else {}),
    }


def small() -> list[Retraining]:
    """The worlds that are walked."""
    return [Retraining()]
