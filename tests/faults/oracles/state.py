# SPDX-License-Identifier: Apache-2.0
"""What is there at the end of a run, as it is the same in every run."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlops_operator.api.meta import LABEL_GENERATION, Manifest
from mlops_operator.kube.resources import DEPLOYMENTS, EVENTS, JOBS, PODS
from mlops_operator.runtime.work.identity import ANNOTATION_RENDERED
from tests.faults.history import History
from tests.faults.oracles.names import Names, Objects

Scalar = str | int | float | bool | None

PODS_OF_OWNERS: Final = "pods"
"""The entry of a state that counts pods by owner and phase."""

_DROPPED: Final = frozenset(
    {
        "metadata.uid",
        "metadata.resourceVersion",
        "metadata.creationTimestamp",
        "metadata.managedFields",
        "metadata.selfLink",
        "metadata.namespace",
        "metadata.generation",
        "metadata.deletionGracePeriodSeconds",
        "status.collisionCount",
        "status.ranSeconds",
    }
)
"""The API server's own books, what is a wall time, and how often a Deployment that was made again met the ReplicaSet of
the former one before it was collected."""

_MASKED: Final = frozenset(
    {
        LABEL_GENERATION,
        ANNOTATION_RENDERED,
        "generation",
        "deployment.kubernetes.io/revision",
        "nodePort",
        "healthCheckNodePort",
    }
)
"""Fields that count edits, which may be fewer or more on another way to the same end, follow from UIDs, or are drawn by
lot."""

_ADDRESSES: Final = frozenset({"clusterIP", "clusterIPs"})
_HEADLESS: Final = ("None", ["None"])
_KEYS: Final = ("type", "name", "index")
"""Fields that name the entries of a list, if they name all and no two alike."""


@dataclass(frozen=True)
class State:
    """Everything at one moment.

    Attributes:
        objects: for each object, by its masked name, every scalar by its path. Pods are no objects here but
            the entry `pods`, which has their number by owner and phase.
    """

    objects: Mapping[str, Mapping[str, Scalar]]


def end_state(objects: Objects, history: History) -> State:
    """The state of all `objects` of one namespace after `history`; events do not belong to it."""
    names = Names(history, objects)
    found: dict[str, Mapping[str, Scalar]] = {}
    for resource, manifests in objects.items():
        if resource in (PODS, EVENTS):
            continue
        for obj in manifests:
            found[names.of(resource.plural, obj["metadata"]["name"])] = _leaves_of(obj, names)
    found[PODS_OF_OWNERS] = _pods(objects.get(PODS, ()), objects, names)
    return State(found)


def _leaves_of(obj: Manifest, names: Names) -> dict[str, Scalar]:
    generation = obj["metadata"].get("generation")
    leaves: dict[str, Scalar] = {}
    for path, value in _walk(obj, "", "", names, generation):
        number, unique = 1, path
        while unique in leaves:  # two keys with one mask
            number += 1
            unique = f"{path}~{number}"
        leaves[unique] = value
    return leaves


def _walk(value: object, path: str, key: str, names: Names, generation: int | None) -> Iterator[tuple[str, Scalar]]:
    """Every scalar below `value` with its path.

    Args:
        key: the last part of `path`.
    """
    if path in _DROPPED:
        return
    instead = _instead(value, path, key, generation)
    if instead is not None:
        yield path, instead
    elif isinstance(value, dict) and value:
        for name in sorted(value):
            shown = names.text(name)
            yield from _walk(value[name], f"{path}.{shown}" if path else shown, name, names, generation)
    elif isinstance(value, list) and value:
        for mark, entry in _marked(value, names):
            yield from _walk(entry, f"{path}[{mark}]", "", names, generation)
    elif isinstance(value, str):
        yield path, names.text(value)
    elif isinstance(value, dict | list):
        yield path, "{}" if isinstance(value, dict) else "[]"
    else:
        assert value is None or isinstance(value, int | float | bool)
        yield path, value


def _instead(value: object, path: str, key: str, generation: int | None) -> str | None:
    """What stands for a field whose value is not to be compared as it is; None for all others."""
    if key == "observedGeneration" and isinstance(value, int):
        return _observed(value, generation)
    if path == "metadata.deletionTimestamp":
        return "set"
    if key in _MASKED or (key in _ADDRESSES and value not in _HEADLESS):
        return "*"
    return None


def _observed(value: int, generation: int | None) -> str:
    if value < 0:
        return "never"
    if generation is None or value == generation:
        return "current"
    return f"{generation - value} behind"


def _marked(entries: Sequence[object], names: Names) -> list[tuple[str, object]]:
    """The entries of a list in an order of their own, each with what stands for it in paths."""
    maps = [entry for entry in entries if isinstance(entry, dict)]
    for key in _KEYS:
        marks = [names.text(str(entry[key])) for entry in maps if key in entry]
        if len(marks) == len(set(marks)) == len(entries):
            return sorted(zip(marks, entries, strict=True), key=lambda pair: pair[0])
    return [(str(number), entry) for number, entry in enumerate(entries)]


def _pods(pods: Sequence[Manifest], objects: Objects, names: Names) -> dict[str, Scalar]:
    """How many pods in which phase each owner has.

    Pods that are going, or whose owner is gone, are left out: the cluster clears them away in its own time.
    """
    counts: Counter[str] = Counter()
    for pod in pods:
        owner = _owner(pod, objects, names)
        if owner is None or "deletionTimestamp" in pod["metadata"]:
            continue
        status = pod.get("status") or {}
        conditions = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
        ready = " and ready" if conditions.get("Ready") == "True" else ""
        counts[f"of {owner}: {status.get('phase')}{ready}"] += 1
    return dict(sorted(counts.items()))


def _owner(pod: Manifest, objects: Objects, names: Names) -> str | None:
    """The Job or Deployment that a pod belongs to, masked; None where it is gone."""
    metadata = pod["metadata"]
    reference = next((entry for entry in metadata.get("ownerReferences") or () if entry.get("controller")), None)
    if reference is None:
        return None
    if reference["kind"] == JOBS.kind:
        resource, name = JOBS, reference["name"]
        present = any(job["metadata"]["uid"] == reference["uid"] for job in objects.get(JOBS, ()))
    else:  # a ReplicaSet, which is called after its Deployment and the hash of the pods' template
        template = (metadata.get("labels") or {}).get("pod-template-hash", "")
        resource, name = DEPLOYMENTS, reference["name"].removesuffix(f"-{template}")
        present = any(entry["metadata"]["name"] == name for entry in objects.get(DEPLOYMENTS, ()))
    return names.of(resource.plural, name) if present else None
