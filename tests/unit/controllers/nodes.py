# SPDX-License-Identifier: Apache-2.0
"""What the toy nodes and the scheduler report of a pod."""

import hashlib
import json
from typing import Final

from mlops_operator.api.meta import Manifest

CONFIG_MAPS: Final = f"sha256:{'c' * 64}"
"""Digest of the ConfigMaps of a pod, unless a test says otherwise."""


def image_id(image: str) -> str:
    """The ID that the nodes know an image by."""
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def with_inits_ended(pod: Manifest, template: Manifest, *, config_maps: str) -> Manifest:
    """The pod with the init containers of its template, which ended well; one may have hashed ConfigMaps."""
    if inits := template.get("initContainers"):
        pod["spec"]["initContainers"] = inits
        pod["status"]["initContainerStatuses"] = [_ended(entry, config_maps) for entry in inits]
    return pod


def _ended(container: Manifest, config_maps: str) -> Manifest:
    hashes = any("--config-maps" in argument for argument in container.get("args") or ())
    ended = {"exitCode": 0, "message": json.dumps({"configMaps": config_maps}) if hashes else ""}
    return {"name": container["name"], "state": {"terminated": ended}, "imageID": image_id(container.get("image", ""))}


def unscheduled(message: str) -> Manifest:
    """The condition of a pod that no node takes, e.g. `builders.NO_NODE`."""
    return {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
