# SPDX-License-Identifier: Apache-2.0
"""The kind of the baselines, which has a minimal schema, its Job, and the phase that follows; see `crd.yaml`."""

from collections.abc import Mapping
from typing import Any, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, Resource

OBJECTS: Final = Resource("naive.example.com", "v1", "trainingjobs", "TrainingJob")


def child(name: str, namespace: str, spec: Mapping[str, Any], *, label: str) -> Manifest:
    """The Job of an object, without its owner; `label` selects it and names the object."""
    container = {"name": "main", "image": spec["image"], "command": list(spec["command"])}
    job: Manifest = JOBS.manifest(name=name, namespace=namespace)
    job["metadata"]["labels"] = {label: name}
    job["spec"] = {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    return job


def phase_of(status: Mapping[str, Any]) -> str:
    """The phase of an object by its Job's status; empty while the Job has no status."""
    ended = {entry["type"] for entry in status.get("conditions") or () if entry["status"] == "True"}
    if "Complete" in ended:
        return "Succeeded"
    if "Failed" in ended:
        return "Failed"
    return "Running" if status.get("active") else ""
