# SPDX-License-Identifier: Apache-2.0
"""Look-ups that several controllers use: what refers to a Model and to a version of it, and which changes matter."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from mlops_operator.api.conditions import READY, STALLED, holds
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.modelversion import REJECTED
from mlops_operator.kube.resources import MODEL_MONITORS, MODEL_VERSIONS
from mlops_operator.runtime.cache.index import FactIndex, Index
from mlops_operator.runtime.cache.watch import World


def by_reference(*path: str) -> Callable[[Manifest], Iterable[str]]:
    """Index values for a field of the spec that names an object of the same namespace."""

    def values(obj: Manifest) -> Iterable[str]:
        value: object = obj.get("spec") or {}
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            yield str(Key(obj["metadata"]["namespace"], value))

    return values


class VersionFact(NamedTuple):
    """A ModelVersion as its Model sees it.

    Attributes:
        created: creation time as metav1.Time, so that text order is time order.
        ready: whether it is Ready.
        rejected: whether a gate rejected it.
        stalled: whether it cannot become Ready without a change by the user.
        digest: of its artifact; empty where the spec has none.
    """

    created: str
    name: str
    uid: str
    ready: bool
    rejected: bool
    stalled: bool = False
    digest: str = ""


def version_fact(obj: Manifest) -> VersionFact:
    """The fact of a ModelVersion."""
    metadata = obj["metadata"]
    return VersionFact(
        metadata["creationTimestamp"],
        metadata["name"],
        metadata["uid"],
        ready=holds(obj, READY),
        rejected=holds(obj, REJECTED),
        stalled=holds(obj, STALLED),
        digest=_artifact_digest(obj),
    )


def _artifact_digest(version: Manifest) -> str:
    return ((version.get("spec") or {}).get("artifact") or {}).get("digest") or ""


def _digest(obj: Manifest) -> Iterable[str]:
    if digest := _artifact_digest(obj):
        yield str(Key(obj["metadata"]["namespace"], digest))


MODEL_VERSIONS_BY_MODEL: Final = FactIndex(MODEL_VERSIONS, "model", by_reference("model"), version_fact)
MONITORS_BY_DEPLOYMENT: Final = Index(MODEL_MONITORS, "deployment", by_reference("target", "deployment"))

MODEL_VERSIONS_BY_DIGEST: Final = Index(MODEL_VERSIONS, "digest", _digest)
"""ModelVersions by `namespace/digest` of their artifacts."""


def key_of(obj: Manifest) -> Key:
    """The key of an object."""
    return Key(obj["metadata"]["namespace"], obj["metadata"]["name"])


def referring(index: Index) -> Callable[[Manifest, World], Iterable[Key]]:
    """For a watch: the objects that `index` finds under the object that changed."""

    def keys(obj: Manifest, world: World) -> Iterable[Key]:
        return world.keys(index, str(key_of(obj)))

    return keys


def referring_if_changed(
    index: Index, part: Callable[[Manifest], Any]
) -> Callable[[Manifest, Manifest, World], Iterable[Key]]:
    """For `Watch.between`: what `index` finds under the object, where `part` of it has changed."""

    def keys(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
        return world.keys(index, str(key_of(new))) if part(old) != part(new) else ()

    return keys


def spec_of(obj: Manifest) -> Any:
    """The spec, for `referring_if_changed`."""
    return obj.get("spec")


def usability(version: Manifest) -> Any:
    """What decides whether a ModelVersion can be used: all of its status but where it is used."""
    status = version.get("status") or {}
    return {name: value for name, value in status.items() if name not in _USAGE}


_USAGE: Final = frozenset({"aliases", "deployedIn", "observedGeneration", "version"})


def referred(*path: str) -> Callable[[Manifest, World], Iterable[Key]]:
    """For a watch: the object that a field of the changed object's spec names."""
    values = by_reference(*path)

    def keys(obj: Manifest, _world: World) -> Iterable[Key]:
        for value in values(obj):
            namespace, _, name = value.partition("/")
            yield Key(namespace, name)

    return keys


def referred_if_changed(
    *path: str, part: Callable[[Manifest], Any]
) -> Callable[[Manifest, Manifest, World], Iterable[Key]]:
    """For `Watch.between`: the object that a field of the spec names, where `part` of the changed object changed."""
    named = referred(*path)

    def keys(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
        if part(old) == part(new):
            return
        for state in (old, new):
            yield from named(state, world)

    return keys
