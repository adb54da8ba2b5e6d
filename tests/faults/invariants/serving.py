# SPDX-License-Identifier: Apache-2.0
"""What serves is never taken away before something else serves in its place.

Judged at each change of a Service or Deployment that the operator made. Servers that fail by
themselves, and what people take away, are not its doing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_operator.api.meta import LABEL_UID, Manifest
from mlops_operator.controllers.modeldeployment.names import LABEL_REVISION
from mlops_operator.controllers.modeldeployment.policies.replicas import DEFAULT_REPLICAS
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_DEPLOYMENTS, PODS, SERVICES, Resource
from tests.faults.history import Change, History, Write
from tests.faults.invariants.steps import Step, is_ending, label, parent_resource, parent_uid, status_of, steps


@dataclass
class _World:
    """What is there at a moment: for each resource the objects by UID."""

    objects: dict[Resource, dict[str, Manifest]] = field(
        default_factory=lambda: {resource: {} for resource in (MODEL_DEPLOYMENTS, DEPLOYMENTS, PODS, SERVICES)}
    )
    least: dict[str, int] = field(default_factory=dict)
    """By UID of the ModelDeployment the fewest replicas that its spec has ever asked for."""

    def take(self, step: Step) -> None:
        """The world after a change."""
        known = self.objects[step.change.resource]
        if step.after is None:
            known.pop(step.uid, None)
            return
        known[step.uid] = step.after
        if step.change.resource == MODEL_DEPLOYMENTS:
            asked = _asked(step.after["spec"])
            self.least[step.uid] = min(asked, self.least.get(step.uid, asked))

    def serving(self, uid: str) -> set[str]:
        """Revisions that the traffic Service of a ModelDeployment reaches with at least one ready server that stays."""
        parent = self.objects[MODEL_DEPLOYMENTS].get(uid)
        name = parent["metadata"]["name"] if parent is not None else ""
        services = [entry for entry in self.objects[SERVICES].values() if _is_of(entry, uid, name)]
        return {
            str(label(deployment, LABEL_REVISION))
            for service in services
            for deployment in self.objects[DEPLOYMENTS].values()
            if parent_uid(deployment) == uid and _reaches(service, deployment) and self._stands(deployment)
        }

    def _stands(self, deployment: Manifest) -> bool:
        if is_ending(deployment) or deployment["spec"].get("replicas", 1) == 0:
            return False
        marks = {name: label(deployment, name) for name in (LABEL_UID, LABEL_REVISION)}
        return bool(status_of(deployment).get("readyReplicas")) or any(
            _ready(pod) and all(label(pod, name) == value for name, value in marks.items())
            for pod in self.objects[PODS].values()
        )


def check(history: History) -> Iterator[str]:
    """Every time the operator took away what served, with nothing in its place."""
    world = _World()
    for step in steps(history, MODEL_DEPLOYMENTS, DEPLOYMENTS, PODS, SERVICES):
        uid = parent_uid(step.object) if parent_resource(step.object) == MODEL_DEPLOYMENTS else ""
        before = world.serving(uid) if uid else set()
        world.take(step)
        parent = world.objects[MODEL_DEPLOYMENTS].get(uid)
        if parent is None or is_ending(parent) or not _by_operator(step, history.writes):
            continue
        if before and not world.serving(uid) and world.least[uid] > 0:
            yield f"{step}: {parent['metadata']['name']} served {sorted(before)} and serves nothing now"
        if step.change.resource == DEPLOYMENTS:
            yield from _stable(step, parent, world.least[uid])


def _stable(step: Step, parent: Manifest, least: int) -> Iterator[str]:
    """What must not be done to the Deployment of the version that is recorded as stable."""
    stable = status_of(parent).get("stable") or {}
    if stable.get("deployment") != step.object["metadata"]["name"]:
        return
    if step.after is None:
        yield f"{step}: was deleted while {parent['metadata']['name']} still names it as stable"
        return
    replicas = step.after["spec"].get("replicas", 1)
    was = step.before["spec"].get("replicas", 1) if step.before is not None else replicas
    if replicas < min(was, least):
        yield f"{step}: the stable version was scaled from {was} to {replicas}; never fewer than {least} were asked for"


def _by_operator(step: Step, writes: list[Write]) -> bool:
    """Whether a write of the operator made this change: removed the object, moved its selector, scaled it."""
    field = "selector" if step.change.resource == SERVICES else "replicas"
    wanted = step.object["spec"].get(field)
    if step.after is not None and (step.before is None or step.before["spec"].get(field) == wanted):
        return False
    for write in writes:
        if not _carried_out(write, step.change):
            continue
        if step.after is None:
            if (write.body.get("preconditions") or {}).get("uid") == step.uid:
                return True
        elif (write.body.get("spec") or {}).get(field) == wanted:
            return True
    return False


def _carried_out(write: Write, change: Change) -> bool:
    """Whether a write may have been what made the change."""
    refused = write.code is not None and write.code >= 400
    same = (write.resource, write.name, write.subresource) == (
        change.resource.plural,
        change.object["metadata"]["name"],
        "",
    )
    right = (write.verb == "delete") == (change.type == "DELETED")
    return same and right and not refused and write.at <= change.at


def _asked(spec: Mapping[str, Any]) -> int:
    """The fewest replicas that a spec asks for."""
    if spec.get("autoscaling"):
        return int(spec["autoscaling"].get("minReplicas", 1))
    replicas = spec.get("replicas")
    return DEFAULT_REPLICAS if replicas is None else int(replicas)


def _is_of(service: Manifest, uid: str, name: str) -> bool:
    """Whether it is the Service that clients of the ModelDeployment use."""
    return parent_uid(service) == uid and service["metadata"]["name"] == name


def _reaches(service: Manifest, deployment: Manifest) -> bool:
    selector = service["spec"].get("selector") or {}
    labels = (deployment["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


def _ready(pod: Manifest) -> bool:
    conditions = status_of(pod).get("conditions") or ()
    ready = any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
    return ready and not is_ending(pod)
