"""Look-ups that several controllers use: who refers to a Model, and to a version of it."""

from collections.abc import Callable, Iterable
from typing import Final

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import MODEL_VERSIONS, PROMOTIONS, TRAINING_JOBS
from mlops_operator.runtime.controller import Index, World


def by_reference(*path: str) -> Callable[[Manifest], Iterable[str]]:
    """Index values for a field of the spec that names an object of the same namespace."""

    def values(obj: Manifest) -> Iterable[str]:
        value: object = obj.get("spec") or {}
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            yield str(Key(obj["metadata"]["namespace"], value))

    return values


TRAINING_JOBS_BY_MODEL: Final = Index(TRAINING_JOBS, "model", by_reference("model"))
MODEL_VERSIONS_BY_MODEL: Final = Index(MODEL_VERSIONS, "model", by_reference("model"))
PROMOTIONS_BY_MODEL: Final = Index(PROMOTIONS, "model", by_reference("model"))
PROMOTIONS_BY_VERSION: Final = Index(PROMOTIONS, "version", by_reference("version"))


def key_of(obj: Manifest) -> Key:
    """The key of an object."""
    return Key(obj["metadata"]["namespace"], obj["metadata"]["name"])


def referring(index: Index) -> Callable[[Manifest, World], Iterable[Key]]:
    """For a watch: the objects that `index` finds under the object that changed."""

    def keys(obj: Manifest, world: World) -> Iterable[Key]:
        return [key_of(found) for found in world.indexed(index, str(key_of(obj)))]

    return keys


def referred(*path: str) -> Callable[[Manifest, World], Iterable[Key]]:
    """For a watch: the object that a field of the changed object's spec names."""
    values = by_reference(*path)

    def keys(obj: Manifest, _world: World) -> Iterable[Key]:
        for value in values(obj):
            namespace, _, name = value.partition("/")
            yield Key(namespace, name)

    return keys
