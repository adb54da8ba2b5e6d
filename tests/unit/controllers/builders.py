# SPDX-License-Identifier: Apache-2.0
"""Objects for the controllers' tests, and a toy cluster that knows enough of an API server to carry plans out."""

import copy
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Key, Manifest, controller_uid
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    OWN,
    POD_DISRUPTION_BUDGETS,
    PODS,
    SERVICES,
    Resource,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.identity import stamped
from mlops_operator.runtime.work.plan import (
    Apply,
    Create,
    Delete,
    Event,
    ObjectsIn,
    Patch,
    Plan,
    PodsOfJob,
    Read,
    Rejection,
)
from tests.harness.kstatus import undocumented
from tests.unit.controllers.lookups import Lookups
from tests.unit.controllers.nodes import CONFIG_MAPS, image_id, with_inits_ended
from tests.unit.controllers.settled import check_settled

NAMESPACE = "team-a"
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)

_RESOURCES = (
    *OWN,
    PODS,
    SERVICES,
    JOBS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    POD_DISRUPTION_BUDGETS,
)
_BY_KIND = {resource.kind: resource for resource in _RESOURCES}


def later(seconds: float) -> datetime:
    """The moment so many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def make(
    resource: Resource,
    name: str,
    *,
    spec: Manifest | None = None,
    status: Manifest | None = None,
    uid: str | None = None,
    generation: int = 1,
    created: datetime = NOW,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    owner: Manifest | None = None,
) -> Manifest:
    """An object as the API server would show it."""
    metadata: Manifest = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": uid or f"uid-of-{name}",
        "resourceVersion": "1",
        "generation": generation,
        "creationTimestamp": timestamp(created),
    }
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    if owner is not None:
        metadata["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
    result: Manifest = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
    if spec is not None:
        result["spec"] = copy.deepcopy(spec)
    if status is not None:
        result["status"] = copy.deepcopy(status)
    return result


def key_of(obj: Manifest) -> Key:
    """The key of an object."""
    return Key(obj["metadata"]["namespace"], obj["metadata"]["name"])


def condition(obj: Manifest, kind: str) -> Manifest:
    """The condition of that type in an object's status; empty where there is none."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((dict(entry) for entry in conditions if entry["type"] == kind), {})


class ToyWorld(Lookups):
    """What caches hold: a `World` in a dict."""

    def __init__(self, *objects: Manifest) -> None:
        self.objects: dict[tuple[Resource, Key], Manifest] = {}
        self.put(*objects)

    def put(self, *objects: Manifest) -> None:
        """Add or replace objects; each is a copy."""
        for obj in objects:
            self.objects[(_BY_KIND[obj["kind"]], key_of(obj))] = copy.deepcopy(obj)

    def remove(self, obj: Manifest) -> None:
        """Take an object out."""
        del self.objects[(_BY_KIND[obj["kind"]], key_of(obj))]

    def all(self, resource: Resource) -> list[Manifest]:
        """Every object of a resource, ordered by key."""
        return [copy.deepcopy(obj) for (kind, _), obj in sorted(self.objects.items(), key=_order) if kind == resource]

    def get(self, resource: Resource, key: Key) -> Manifest | None:
        obj = self.objects.get((resource, key))
        return copy.deepcopy(obj) if obj is not None else None

    def owned(self, resource: Resource, uid: str) -> Sequence[Manifest]:
        return [obj for obj in self.all(resource) if controller_uid(obj) == uid]

    def indexed(self, index: Index, value: str) -> Sequence[Manifest]:
        return [obj for obj in self.all(index.resource) if value in set(index.values(obj))]


def _order(entry: tuple[tuple[Resource, Key], Manifest]) -> tuple[str, Key]:
    (resource, key), _ = entry
    return resource.plural, key


@dataclass
class ToyCluster:
    """A world in which a controller's plans are carried out.

    Attributes:
        world: the objects.
        now: the time, moved by the test.
        pods: what a read of a Job's pods gives, by the Job's name.
        refuse: rejections by the kind of child whose creation they refuse.
        writes: every write so far, as `verb kind name`.
        reads: every read so far.
        found: what reads of events and nodes give.
        events: every event so far.
    """

    world: ToyWorld
    now: datetime = NOW
    pods: dict[str, list[Manifest]] = field(default_factory=dict)
    refuse: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    found: dict[Read, Sequence[Manifest]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _counter: "itertools.count[int]" = field(default_factory=lambda: itertools.count(100))

    def get(self, resource: Resource, name: str) -> Manifest:
        """The object of that name, which must be there."""
        obj = self.world.get(resource, Key(NAMESPACE, name))
        assert obj is not None, f"no {resource} {name}"
        return obj

    def only(self, resource: Resource) -> Manifest:
        """The one object of that resource."""
        (obj,) = self.world.all(resource)
        return obj

    def edit(self, resource: Resource, name: str, **spec: Any) -> Manifest:
        """Merge into an object's spec, as a person does: the generation moves."""
        obj = self.get(resource, name)
        obj["spec"] = _merged(obj["spec"], spec)
        obj["metadata"]["generation"] += 1
        return self.store(obj)

    def store(self, obj: Manifest) -> Manifest:
        """Put an object with a new resourceVersion; the stored copy."""
        obj["metadata"]["resourceVersion"] = str(next(self._counter))
        self.world.put(obj)
        return obj

    def plan(self, controller: Controller, name: str) -> Plan:
        """What the controller plans for its object now; nothing is carried out."""
        obj = self.get(controller.resource, name)
        reads: dict[Read, Sequence[Manifest]] = {}
        for read in controller.reads(obj, self.world, self.now):
            self.reads.append(read)
            there = self.world.all(read.resource) if isinstance(read, ObjectsIn) else ()
            reads[read] = self.found.get(read, there)
            if isinstance(read, PodsOfJob):
                reads[read] = [pod for pod in self.pods.get(read.job, []) if read.asks_for(pod)]
                reads |= {more: self.found.get(more, ()) for more in read.then(reads[read])}
        return controller.plan(obj, self.world, reads, self.now)

    def step(self, controller: Controller, name: str) -> Plan:
        """Plan once and carry the plan out."""
        plan = self.plan(controller, name)
        obj = self.get(controller.resource, name)
        for action in plan.actions:
            rejection = self._act(action)
            if rejection is not None:
                plan = controller.rejected(obj, rejection, self.now)
                break
        self._write_status(controller.resource, name, plan)
        if plan.final:
            check_settled(controller, self.get(controller.resource, name), self.world, plan, self.now)
        return plan

    def settle(self, controller: Controller, name: str, *, limit: int = 20) -> Plan:
        """Step until a plan does nothing; the last plan.

        Raises:
            AssertionError: it does not come to rest: an unchanged world must cost no write.
        """
        for _ in range(limit):
            before = len(self.writes)
            plan = self.step(controller, name)
            if len(self.writes) == before or self.world.get(controller.resource, Key(NAMESPACE, name)) is None:
                return plan
        raise AssertionError(f"no rest after {limit} plans: {self.writes[-6:]}")

    # -- what an API server does -----------------------------------------------------------

    def _act(self, action: Create | Apply | Patch | Delete) -> Rejection | None:
        match action:
            case Create() | Apply():
                return self._put(action)
            case Patch():
                parts = (action.subresource,) if action.subresource else ("metadata", "spec")
                obj = self._guarded(action)
                self.store(_merged(obj, {part: action.body[part] for part in parts if part in action.body}))
                self.writes.append(f"patch {obj['kind']} {action.name}")
            case Delete():
                obj = self._guarded(action)
                self.world.remove(obj)
                self._collect(obj["metadata"]["uid"])
                self.writes.append(f"delete {obj['kind']} {action.name}")
        return None

    def _put(self, action: Create | Apply) -> Rejection | None:
        manifest = copy.deepcopy(stamped(action.manifest))
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if kind in self.refuse:
            code, reason, message = self.refuse[kind]
            return Rejection(action=action, code=code, reason=reason, message=message)
        existing = self.world.get(action.resource, key_of(manifest))
        if isinstance(action, Create):
            assert existing is None, f"{kind} {name} is created a second time"
        number = next(self._counter)
        manifest["metadata"] |= {
            "uid": existing["metadata"]["uid"] if existing else f"uid-{number}",
            "resourceVersion": str(number),
            "generation": (existing["metadata"]["generation"] + 1) if existing else 1,
            "creationTimestamp": existing["metadata"]["creationTimestamp"] if existing else timestamp(self.now),
        }
        if existing and "status" in existing:
            manifest["status"] = existing["status"]
        self.world.put(manifest)
        self.writes.append(f"{'create' if existing is None else 'apply'} {kind} {name}")
        return None

    def _guarded(self, action: Patch | Delete) -> Manifest:
        obj = self.world.get(action.resource, Key(action.namespace, action.name))
        assert obj is not None, f"{action.resource} {action.name} is gone"
        assert obj["metadata"]["uid"] == action.uid
        assert obj["metadata"]["resourceVersion"] == action.resource_version
        return obj

    def _collect(self, uid: str) -> None:
        for resource in _RESOURCES:
            for child in self.world.owned(resource, uid):
                self.world.remove(child)
                self._collect(child["metadata"]["uid"])

    def _write_status(self, resource: Resource, name: str, plan: Plan) -> None:
        obj = self.world.get(resource, Key(NAMESPACE, name))
        if obj is not None and plan.status is not None and plan.status != (obj.get("status") or {}):
            obj["status"] = copy.deepcopy(plan.status)
            assert (problem := undocumented(obj["kind"], obj["status"])) == "", problem
            self.store(obj)
            self.writes.append(f"status {obj['kind']} {name}")
        self.events.extend(plan.events)


def _merged(into: Manifest, changes: Manifest) -> Manifest:
    result = dict(into)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = _merged(result[name], value)
        else:
            result[name] = value
    return result


NO_NODE: Final = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."

# -- Jobs and pods ---------------------------------------------------------------------------


def job_started(job: Manifest, *, at: datetime, ready: int = 0, failed: int = 0) -> Manifest:
    """A Job whose controller has begun; so many of its pods are ready, so many have failed and been replaced."""
    status = {"startTime": timestamp(at), "active": job["spec"].get("completions") or 1, "ready": ready}
    status |= {"failed": failed} if failed else {}
    return {**job, "status": status}


def job_ended(job: Manifest, *, at: datetime, succeeded: bool = True) -> Manifest:
    """A Job at its end."""
    ended = {
        "type": "Complete" if succeeded else "Failed",
        "status": "True",
        "lastTransitionTime": timestamp(at),
        "reason": "CompletionsReached" if succeeded else "BackoffLimitExceeded",
        "message": "" if succeeded else "Job has reached the specified backoff limit",
    }
    started = (job.get("status") or {}).get("startTime") or timestamp(at)
    return {**job, "status": {"startTime": started, "conditions": [ended], "ready": 0}}


def job_suspended(job: Manifest) -> Manifest:
    """A Job whose controller has seen that it is suspended."""
    return {**job, "status": {"conditions": [{"type": "Suspended", "status": "True", "reason": "JobSuspended"}]}}


def pod_of(
    job: Manifest,
    *,
    phase: str = "Pending",
    index: int | None = None,
    main: Manifest | None = None,
    env: Iterable[Manifest] = (),
    image: str = "example/image:1",
    image_id: str = "",
    conditions: Iterable[Manifest] = (),
    status: Manifest | None = None,
) -> Manifest:
    """A pod of a Job; `main` is the state of its main container."""
    labels = {"batch.kubernetes.io/job-name": job["metadata"]["name"]}
    if index is not None:
        labels["batch.kubernetes.io/job-completion-index"] = str(index)
    name = f"{job['metadata']['name']}-{index or 0}-x7k2p"
    pod = make(
        PODS, name, spec={"containers": [{"name": "main", "image": image, "env": list(env)}]}, labels=labels, owner=job
    )
    pod["status"] = {"phase": phase, "conditions": list(conditions), **(status or {})}
    if main is not None:
        pod["status"]["containerStatuses"] = [{"name": "main", "state": main, "image": image, "imageID": image_id}]
    return pod


def terminated(
    message: str = "", *, exit_code: int = 0, reason: str = "", started: datetime = NOW, finished: datetime = NOW
) -> Manifest:
    """The state of a container that has ended."""
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": reason or ("Completed" if exit_code == 0 else "Error"),
            "message": message,
            "startedAt": timestamp(started),
            "finishedAt": timestamp(finished),
        }
    }


def succeeded_pod(job: Manifest, message: str = "", *, config_maps: str = CONFIG_MAPS, **rest: Any) -> Manifest:
    """A pod of a Job that ended well and left `message`; its containers are those of the Job's template."""
    template = job["spec"]["template"]["spec"]
    (container,) = [entry for entry in template["containers"] if entry["name"] == "main"]
    image = container["image"]
    rest = {"env": container.get("env") or (), "image": image, "image_id": image_id(image), **rest}
    pod = pod_of(job, phase="Succeeded", main=terminated(message), **rest)
    return with_inits_ended(pod, template, config_maps=config_maps)


def failed_pod(job: Manifest, message: str = "", *, exit_code: int = 1, **rest: Any) -> Manifest:
    """A pod of a Job that ended badly and left `message`."""
    return pod_of(job, phase="Failed", main=terminated(message, exit_code=exit_code), **rest)
