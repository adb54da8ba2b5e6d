# SPDX-License-Identifier: Apache-2.0
"""What decides what a run computes, as a digest.

What the spec says is known when the attempt's Job is made, and is kept there. Which images ran, what the ConfigMaps
contained and which data were read is known from the pod, when the attempt has ended.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mlops_contract.messages import config_maps_digest
from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.shared import pods
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.locations import CHECK, CONFIG_MAPS
from mlops_operator.controllers.trainingjob.names import ANNOTATION_DECLARED, WAIT

_OWN: Final = (CHECK, WAIT)
"""Containers of the project's own image, which the run does not see."""


def declared_digest(spec: TrainingJobSpec, *, holdout: Mapping[str, Any] | None) -> str:
    """Digest of what the spec says about the inputs: all that reaches the run's containers, Secrets by their names.

    Resources, the node, limits and retries are not in it, unless the template sets them.
    """
    inputs = {
        "image": spec.image,
        "command": spec.command,
        "args": spec.args,
        "env": [pods.variable(entry) for entry in spec.env],
        "template": spec.template.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "replicas": spec.replicas,
        "parameters": spec.parameters,
        "data": [{"name": entry.name, "uri": entry.uri, "digest": entry.digest} for entry in spec.data],
        "seed": spec.seed,
        **({"holdout": holdout} if holdout is not None else {}),
    }
    return _digest(inputs)


def inputs_digest(job: Manifest, pod: Manifest | None, result: Result | None) -> str | None:
    """Digest of all inputs of an attempt that has ended: what its spec declared, and what its pod shows.

    Args:
        job: the attempt's Job.
        pod: the pod of rank 0.
        result: what that pod reported, which says what its data were.

    Returns:
        None where something is not known: the pod is gone, a container never ran, or the ConfigMaps were not hashed.
    """
    declared = (job["metadata"].get("annotations") or {}).get(ANNOTATION_DECLARED)
    if declared is None or pod is None or image_of(pod).id is None:
        return None
    images = {entry["name"]: _id(entry) for entry in _statuses(pod) if entry["name"] not in _OWN}
    config_maps = _config_maps(pod)
    if None in images.values() or (config_maps is None and _hashes_config_maps(pod)):
        return None
    read = {entry.name: entry.digest for entry in result.data} if result is not None else {}
    return _digest({"declared": declared, "images": images, "configMaps": config_maps, "data": read})


class Image(NamedTuple):
    """The image of a pod's main container.

    Attributes:
        id: what ran, as the container runtime identifies it: `<repository>@sha256:<digest of the manifest>` of an
            image that was pulled; of one that was loaded into the node it may be `sha256:<digest of the
            configuration>`. None where nothing tells.
        name: as the spec names it; None where nothing tells.
    """

    id: str | None
    name: str | None


def image_of(pod: Manifest | None) -> Image:
    """The image that the main container of a pod ran."""
    if pod is None:
        return Image(None, None)
    ran = next((_id(entry) for entry in _statuses(pod) if entry["name"] == pods.MAIN), None)
    named = next((entry["image"] for entry in pod["spec"]["containers"] if entry["name"] == pods.MAIN), None)
    return Image(ran, named or None)


def _id(status: Manifest) -> str | None:
    found = str(status.get("imageID") or "")
    return found.removeprefix("docker-pullable://").removeprefix("docker://") or None


def _statuses(pod: Manifest) -> Iterator[Manifest]:
    status = pod.get("status") or {}
    for kind in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(kind) or ()


def _config_maps(pod: Manifest) -> str | None:
    """The digest that the project's own container reported. No other container of the pod can write its message."""
    for entry in _statuses(pod):
        if entry["name"] == CHECK:
            return config_maps_digest(((entry.get("state") or {}).get("terminated") or {}).get("message"))
    return None


def _hashes_config_maps(pod: Manifest) -> bool:
    inits = (pod.get("spec") or {}).get("initContainers") or ()
    return any(entry["name"] == CHECK and CONFIG_MAPS in (entry.get("args") or ()) for entry in inits)


def _digest(inputs: Mapping[str, Any]) -> str:
    return f"sha256:{hashlib.sha256(compact_json(inputs).encode()).hexdigest()}"
