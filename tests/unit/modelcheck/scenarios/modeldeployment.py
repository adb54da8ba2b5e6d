# SPDX-License-Identifier: Apache-2.0
"""A ModelDeployment that serves one version and comes to serve another, good or bad."""

import json
from collections.abc import Iterator
from functools import partial
from operator import methodcaller

from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from mlops_operator.controllers.modeldeployment.names import ANNOTATION_VERSION
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, PODS, SERVICES
from tests.unit.controllers.builders import make
from tests.unit.controllers.modeldeployment.scene import (
    DIGESTS,
    NAME,
    READY,
    SETTINGS,
    address_of,
    model,
    model_version,
    pod_status,
)
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id, Item
from tests.unit.modelcheck.scenarios.base import Base, deletions, edits, run_uid, status_of
from tests.unit.modelcheck.state import Happening

FEW = "one replica was asked for"
FIRST, SECOND = "digits-1", "digits-2"


def pointing_at(version: str) -> Manifest:
    """The Model, with its alias at the object that the API server holds under the version's name."""
    return model(version, uid=f"uid-1-of-modelversion-{version}")


class Serving(Base):
    """One ModelDeployment of two replicas, without steps.

    Args:
        name: what reports call it.
        second: how the servers of the second version behave.
        golden: whether versions have golden requests.
        bake: how long the former version keeps its pods.
        settled: whether the first version serves, and the alias has just moved to the second, when all begins.
    """

    waits = (400,)
    failing = False

    def __init__(
        self, name: str, *, second: str = READY, golden: bool = False, settled: bool = True, bake: str = "0s"
    ) -> None:
        self.name = name
        self.settled = settled
        self.behaviour = {FIRST: READY, SECOND: second}
        self.golden = golden
        self.bake = bake
        self.controllers = (ModelDeploymentController(SETTINGS),)

    def begin(self, server: ApiServer) -> None:
        server.create(MODELS, pointing_at(FIRST))
        for name in list(DIGESTS)[:2]:
            server.create(MODEL_VERSIONS, model_version(name, golden=self.golden))
        self.declare(server)

    def declare(self, server: ApiServer) -> None:
        """A person makes the ModelDeployment."""
        rollout = {"steps": [], "bake": self.bake}
        spec = {"model": {"name": "digits", "alias": "champion"}, "replicas": 2, "rollout": rollout}
        server.create(MODEL_DEPLOYMENTS, make(MODEL_DEPLOYMENTS, NAME, spec=spec))

    def open(self, server: ApiServer) -> None:
        if self.settled:
            server.report(server.items[Id(MODELS, "digits")], pointing_at(SECOND)["status"])

    # -- the cluster -----------------------------------------------------------------------

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        yield from super().cluster(server)
        for item in server.all(DEPLOYMENTS):
            if not item.going and self._lags(server, item):
                yield Happening(f"{item.id} gets its pods", partial(self._deploy, item))

    def _wanted(self, item: Item) -> tuple[Manifest, list[Manifest]]:
        data = item.data
        count, good = data["spec"]["replicas"], self._good(data)
        status = {
            "observedGeneration": data["metadata"]["generation"],
            "replicas": count,
            "updatedReplicas": count,
            "readyReplicas": count if good else 0,
        }
        labels = data["spec"]["template"]["metadata"]["labels"]
        stem = f"{item.id.name}-{item.uid.split('-')[1]}"  # pods of a Deployment that was made again have other names
        pods = [make(PODS, f"{stem}-{number}", labels=labels, owner=data) for number in range(count)]
        how = pod_status(self.behaviour[self._version(data)])
        return status, [{**pod, "status": {**how, "podIP": address_of(pod)}} for pod in pods]

    def _lags(self, server: ApiServer, item: Item) -> bool:
        return status_of(item) != self._wanted(item)[0]

    def _deploy(self, item: Item, server: ApiServer) -> None:
        """The Deployment's controller and the kubelet do what there is to do."""
        status, pods = self._wanted(item)
        names = {pod["metadata"]["name"] for pod in pods}
        there = {pod.id.name for pod in server.all(PODS) if pod.owner == item.uid}
        for name in sorted(there - names):
            server.delete(PODS, name)
        for pod in pods:
            if pod["metadata"]["name"] not in there:
                server.create(PODS, pod)
        server.report(item, status)

    def _good(self, deployment: Manifest) -> bool:
        return self.behaviour[self._version(deployment)] == READY

    @staticmethod
    def _version(deployment: Manifest) -> str:
        return str(deployment["metadata"]["annotations"][ANNOTATION_VERSION])

    def message(self, job: Manifest) -> str:
        (container,) = job["spec"]["template"]["spec"]["containers"]
        asked = json.loads(next(entry["value"] for entry in container["env"] if entry["name"] == "MLOPS_GOLDEN"))
        counts = {"requests": 20, "mismatches": 0, "errors": 0, "slow": 0}
        counts["endpoints"] = len(asked.get("endpoints", ()))
        return Result(uid=run_uid(job), counts=counts, metrics={"latency_p99": 0.0124}).to_message()

    # -- people ----------------------------------------------------------------------------

    def people(self, server: ApiServer) -> Iterator[Happening]:
        (pointing,) = server.all(MODELS)
        for version in (FIRST, SECOND):
            status = pointing_at(version)["status"]
            if status_of(pointing) != status:
                yield Happening(f"the alias moves to {version}", methodcaller("report", pointing, status))
        yield from edits(server, MODEL_DEPLOYMENTS, NAME, {"replicas": 1}, {"replicas": 2})
        yield from deletions(server.all(DEPLOYMENTS))
        yield from deletions(server.all(SERVICES), held=(False,))
        yield from deletions(server.all(MODEL_DEPLOYMENTS), held=(False,))
        if Id(MODEL_DEPLOYMENTS, NAME) not in server.items:
            yield Happening("a person makes the ModelDeployment again", self.declare)
        if not server.refused:
            yield Happening("a quota refuses Deployments", methodcaller("refuse", "Deployment"))

    # -- what must hold --------------------------------------------------------------------

    def marks(self, write: Write) -> frozenset[str]:
        """That one replica was asked for: a process that is shown an old spec goes by it."""
        after = write.after.data if write.id.resource == MODEL_DEPLOYMENTS and write.after is not None else None
        return frozenset({FEW}) if after is not None and after["spec"]["replicas"] == 1 else frozenset()

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource == MODEL_DEPLOYMENTS and write.before is not None and write.after is not None:
            self._check_memory(status_of(write.before), status_of(write.after), after)
        found = before.get(MODEL_DEPLOYMENTS, NAME)
        if found is None or write.id.resource not in (DEPLOYMENTS, SERVICES):
            return
        if write.id.resource == SERVICES and not self._target_stays(after):
            return  # deleted by a person between the plan and the write: no precondition spans two objects
        served, left = self._served(before), self._served(after)
        least = min(served, 1 if FEW in after.marks else found["spec"]["replicas"])
        assert left >= least, f"{write}: {served} ready servers were behind the Service, {left} are left"

    @staticmethod
    def _check_memory(before: Manifest, after: Manifest, server: ApiServer) -> None:
        """A version that was stopped is remembered while it is asked for: it would be begun again.

        One that is tried again may have been promoted already.
        """
        stopped = before.get("stopped")
        if stopped is None or after.get("stopped") is not None or after.get("candidate") is not None:
            return
        if "retryAt" in stopped and (after.get("stable") or {}).get("revision") == stopped["revision"]:
            return
        (pointing,) = server.all(MODELS)
        target = status_of(pointing)["aliases"][0]["version"]
        assert target != stopped["version"], f"{target} was stopped, is asked for, and is known no more as stopped"

    def _target_stays(self, server: ApiServer) -> bool:
        service = server.get(SERVICES, NAME)
        return service is not None and any(
            self._selects(service, item.data) for item in server.all(DEPLOYMENTS) if not item.going
        )

    def _served(self, server: ApiServer) -> int:
        service = server.get(SERVICES, NAME)
        if service is None:
            return 0
        return sum(
            min(status_of(item).get("readyReplicas", 0), item.data["spec"]["replicas"])
            for item in server.all(DEPLOYMENTS)
            if not item.going and self._selects(service, item.data)
        )

    @staticmethod
    def _selects(service: Manifest, deployment: Manifest) -> bool:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        return all(labels.get(name) == value for name, value in service["spec"]["selector"].items())

    def check_rest(self, server: ApiServer) -> None:
        found = server.items.get(Id(MODEL_DEPLOYMENTS, NAME))
        if found is None:
            assert not server.all(DEPLOYMENTS), "Deployments are left behind"
            return
        wanted = found.data["spec"]["replicas"]
        deployed = [(self._version(item.data), item.data["spec"]["replicas"]) for item in server.all(DEPLOYMENTS)]
        (pointing,) = server.all(MODELS)
        target = status_of(pointing)["aliases"][0]["version"]
        if self.behaviour[target] == READY and status_of(found).get("stopped") is None:
            assert deployed == [(target, wanted)], f"{target} is wanted, {deployed} is there"
            assert self._served(server) == wanted, f"{self._served(server)} servers answer, {wanted} are wanted"


def small() -> list[Serving]:
    """The worlds that are walked."""
    return [
        Serving("modeldeployment, new", settled=False),
        Serving("modeldeployment"),
        Serving("modeldeployment, checked", golden=True),
        Serving("modeldeployment, bad second", second="load-failed"),
        Serving("modeldeployment, baked", bake="60s"),
    ]
