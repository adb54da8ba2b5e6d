# SPDX-License-Identifier: Apache-2.0
"""The ConfigMaps that a run sees, mounted into the container that hashes them before the run.

A run sees a ConfigMap as files or as variables. The container that hashes gets all of them as files, in volumes of its
own: as variables they could change what that container does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mlops_contract.environment import CONFIG_MAPS_ROOT
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.shared import pods
from mlops_operator.controllers.shared.naming import short_hash


class Use(NamedTuple):
    """One use of a ConfigMap in a pod.

    Attributes:
        keys: the keys that are used; None for all.
        optional: whether the pod starts without the ConfigMap or one of these keys.
    """

    name: str
    keys: frozenset[str] | None
    optional: bool


def used(spec: TrainingJobSpec) -> Mapping[str, Sequence[Use]]:
    """The ConfigMaps that the containers of a run use, by name in order. The template may contain any JSON."""
    main = {"name": pods.MAIN, "env": [pods.variable(entry) for entry in spec.env]}
    pod = pods.merge({"containers": [main]}, spec.template.spec)
    found: defaultdict[str, list[Use]] = defaultdict(list)
    for use in (*_in_volumes(pod), *_in_variables(pod)):
        found[use.name].append(use)
    return dict(sorted(found.items()))


def volume_name(config_map: str) -> str:
    """Name of the volume in which the ConfigMap is hashed."""
    return f"inputs-{short_hash(config_map)}"


def volumes(config_maps: Mapping[str, Sequence[Use]]) -> list[Manifest]:
    """A volume for each ConfigMap, with the keys that the run uses.

    It waits for what the run waits for, and no more: what is optional there is optional here.
    """
    return [
        {
            "name": volume_name(name),
            "projected": {"sources": [{"configMap": source} for source in _sources(name, uses)]},
        }
        for name, uses in config_maps.items()
    ]


def mounts(config_maps: Iterable[str]) -> list[Manifest]:
    """The mounts of these volumes, each ConfigMap in a folder of its name."""
    return [
        {"name": volume_name(name), "mountPath": f"{CONFIG_MAPS_ROOT}/{name}", "readOnly": True} for name in config_maps
    ]


def _sources(name: str, uses: Sequence[Use]) -> Iterator[Manifest]:
    required = [use.keys for use in uses if not use.optional]
    optional = [use.keys for use in uses if use.optional]
    needed = _union(required)
    if needed is None:
        yield {"name": name}
        return
    if needed:
        yield {"name": name, "items": _items(needed)}
    rest = _union(optional)
    if rest is None:
        yield {"name": name, "optional": True}
    elif rest - needed:
        yield {"name": name, "items": _items(rest - needed), "optional": True}


def _union(uses: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """All keys of these uses; None where one of them has all."""
    found: frozenset[str] = frozenset()
    for keys in uses:
        if keys is None:
            return None
        found |= keys
    return found


def _items(keys: Iterable[str]) -> list[Manifest]:
    return [{"key": key, "path": key} for key in sorted(keys)]


def _in_volumes(pod: Manifest) -> Iterator[Use]:
    for volume in _objects(pod.get("volumes")):
        yield from _files(volume.get("configMap"))
        for source in _objects(_object(volume.get("projected")).get("sources")):
            yield from _files(source.get("configMap"))


def _files(source: Any) -> Iterator[Use]:
    items = [item["key"] for item in _objects(_object(source).get("items")) if isinstance(item.get("key"), str)]
    yield from _use(source, frozenset(items) or None)


_CONTAINERS: Final = ("initContainers", "containers")


def _in_variables(pod: Manifest) -> Iterator[Use]:
    for container in (entry for kind in _CONTAINERS for entry in _objects(pod.get(kind))):
        for entry in _objects(container.get("envFrom")):
            yield from _use(entry.get("configMapRef"), None)
        for entry in _objects(container.get("env")):
            reference = _object(_object(entry.get("valueFrom")).get("configMapKeyRef"))
            if isinstance(key := reference.get("key"), str):
                yield from _use(reference, frozenset({key}))


def _use(reference: Any, keys: frozenset[str] | None) -> Iterator[Use]:
    found = _object(reference)
    if isinstance(name := found.get("name"), str) and name:
        yield Use(name, keys, found.get("optional") is True)


def _object(value: Any) -> Manifest:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Manifest]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
