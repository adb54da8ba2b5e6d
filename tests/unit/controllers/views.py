# SPDX-License-Identifier: Apache-2.0
"""What each container of a pod sees: the whole of it, so that a test fails on more as well as on less."""

from mlops_operator.api.meta import Manifest


def views(job: Manifest) -> dict[str, dict[str, str]]:
    """By container, by mount path: `<volume>[/<subPath>] (ro|rw)`."""
    spec = job["spec"]["template"]["spec"]
    return {
        container["name"]: {mount["mountPath"]: _shown(mount) for mount in container["volumeMounts"]}
        for container in (*spec.get("initContainers", ()), *spec["containers"])
    }


def variables(job: Manifest) -> dict[str, set[str]]:
    """By container, the names of its environment variables."""
    spec = job["spec"]["template"]["spec"]
    return {
        container["name"]: {entry["name"] for entry in container["env"]}
        for container in (*spec.get("initContainers", ()), *spec["containers"])
    }


def volumes(job: Manifest) -> dict[str, Manifest]:
    """The pod's volumes by name."""
    return {
        entry["name"]: {key: value for key, value in entry.items() if key != "name"}
        for entry in job["spec"]["template"]["spec"]["volumes"]
    }


def _shown(mount: Manifest) -> str:
    sub_path = f"/{mount['subPath']}" if mount.get("subPath") else ""
    return f"{mount['name']}{sub_path} ({'ro' if mount.get('readOnly') else 'rw'})"
