# SPDX-License-Identifier: Apache-2.0
"""The servers of one revision as they are observed: a Deployment and its pods."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.names import FETCH, LABEL_REVISION
from mlops_operator.controllers.shared.jobs import native_sidecars
from mlops_operator.controllers.shared.pods import MAIN


@dataclass(frozen=True)
class Servers:
    """A revision's Deployment, if it is there, and its pods.

    Pods that belonged to a former Deployment of the same name are left out.

    Attributes:
        pods: those that are to stay.
        leaving: those that were told to go.
    """

    deployment: Manifest | None = None
    pods: tuple[Manifest, ...] = ()
    leaving: tuple[Manifest, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether there is a Deployment."""
        return self.deployment is not None

    @property
    def scaled_to(self) -> int | None:
        """Replicas the Deployment asks for; None where there is no Deployment."""
        if self.deployment is None:
            return None
        count: int = self.deployment["spec"].get("replicas", 1)
        return count

    @property
    def replicas(self) -> int:
        """Pods, by the Deployment's own count."""
        return self._count("replicas")

    @property
    def ready(self) -> int:
        """Ready pods, by the Deployment's own count."""
        return self._count("readyReplicas")

    @property
    def ready_to_stay(self) -> int:
        """Ready pods that are kept: none where the Deployment is being deleted, and no more than it asks for."""
        if self.deployment is None or "deletionTimestamp" in self.deployment["metadata"]:
            return 0
        return min(self.ready, self.scaled_to or 0)

    @property
    def seen(self) -> bool:
        """Whether the Deployment's counts speak of its present spec."""
        if self.deployment is None:
            return False
        generation: int = self.deployment["metadata"].get("generation", 1)
        return self._count("observedGeneration") >= generation

    def complete(self, count: int) -> bool:
        """Whether it asks for `count` replicas, and all are made of the present template, ready, and there to stay.

        A Deployment that is being deleted takes its pods with it, however ready they are.
        """
        if self.deployment is None or "deletionTimestamp" in self.deployment["metadata"]:
            return False
        return self.seen and self.scaled_to == count and min(self.ready, self._count("updatedReplicas")) >= count

    def addresses(self, port: int) -> list[str]:
        """Base URLs of the ready pods, in order."""
        ready = (pod for pod in self.pods if any(entry.get("ready") for entry in container_statuses(pod, MAIN)))
        found = sorted(ip for pod in ready if (ip := pod["status"].get("podIP")))
        return [f"http://[{ip}]:{port}" if ":" in ip else f"http://{ip}:{port}" for ip in found]

    @property
    def restarts(self) -> int:
        """Restarts of all containers that run beside each other in the pods that are there."""
        return sum(entry.get("restartCount", 0) for pod in self.pods for entry in running_statuses(pod))

    def _count(self, field: str) -> int:
        if self.deployment is None:
            return 0
        count: int = (self.deployment.get("status") or {}).get(field, 0)
        return count


def servers_of(revision: str, *, deployments: Iterable[Manifest], pods: Iterable[Manifest]) -> Servers:
    """The servers of `revision`."""
    deployment = next((entry for entry in deployments if revision_of(entry) == revision), None)
    if deployment is None:
        return Servers()
    made = deployment["metadata"].get("creationTimestamp", "")
    found = [
        _with_spec(pod, deployment)
        for pod in pods
        if revision_of(pod) == revision and pod["metadata"].get("creationTimestamp", "") >= made
    ]
    return Servers(
        deployment,
        pods=tuple(pod for pod in found if "deletionTimestamp" not in pod["metadata"]),
        leaving=tuple(pod for pod in found if "deletionTimestamp" in pod["metadata"]),
    )


def _with_spec(pod: Manifest, deployment: Manifest) -> Manifest:
    """The pod with the spec of its Deployment's template, of which the cache keeps no copy for each pod."""
    template = deployment["spec"].get("template") or {}
    return {**pod, "spec": {**(template.get("spec") or {}), **(pod.get("spec") or {})}}


def revision_of(child: Manifest) -> str:
    """The revision that a Deployment or pod is labelled with; empty where there is none."""
    revision: str = (child["metadata"].get("labels") or {}).get(LABEL_REVISION, "")
    return revision


def container_statuses(pod: Manifest, name: str, *, init: bool = False) -> Sequence[Manifest]:
    """The status of the container called `name`: one, or none where the kubelet has not said yet."""
    entries = (pod.get("status") or {}).get("initContainerStatuses" if init else "containerStatuses") or ()
    return [entry for entry in entries if entry["name"] == name]


def running_statuses(pod: Manifest) -> Sequence[Manifest]:
    """The statuses of the containers that run all the time, the server's first: native sidecars are among them."""
    status = pod.get("status") or {}
    sidecars = native_sidecars(pod)
    inits = [entry for entry in status.get("initContainerStatuses") or () if entry["name"] in sidecars]
    return sorted((*(status.get("containerStatuses") or ()), *inits), key=lambda entry: entry["name"] != MAIN)


def preparing_statuses(pod: Manifest) -> Sequence[Manifest]:
    """The statuses of the init containers that come before the server, beside the one that fetches the model."""
    sidecars = native_sidecars(pod)
    inits = (pod.get("status") or {}).get("initContainerStatuses") or ()
    return [entry for entry in inits if entry["name"] not in sidecars and entry["name"] != FETCH]
