# SPDX-License-Identifier: Apache-2.0
"""The configuration that kind is given: a file as it is, or with what was asked for added to it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from localcluster import paths
from localcluster.components import AUDIT_LOG_MAX_SIZE
from localcluster.errors import InvalidConfiguration
from localcluster.kindhost.options import KindOptions

#: The configuration of a cluster for which none is named.
DEFAULT = paths.repository() / "kind-config.yaml"

#: Where a control plane's node, and the API server in it, see the cluster's audit folder.
AUDIT_FOLDER = "/var/log/mlops-audit"
AUDIT_POLICY_FILE = "policy.yaml"
AUDIT_LOG_FILE = "audit.log"

#: What a patch file may hold: lists of kind's own, to which it adds.
PATCH_KEYS = ("kubeadmConfigPatches", "kubeadmConfigPatchesJSON6902", "containerdConfigPatches")

_JSON_PATCHES = "kubeadmConfigPatchesJSON6902"


def load(path: Path) -> dict[str, Any]:
    """A configuration or a patch; :class:`InvalidConfiguration` if the file holds neither."""
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InvalidConfiguration(f"expected a YAML file at {path}: {error}", remedy="check the path") from error
    if not isinstance(document, dict):
        raise InvalidConfiguration(f"expected one YAML object in {path}, found none", remedy="see kind-config.yaml")
    return document


def patched(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with a patch's lists added to its own."""
    if unknown := sorted(set(patch) - set(PATCH_KEYS)):
        raise InvalidConfiguration(
            f"expected a patch of {', '.join(PATCH_KEYS)}, found {', '.join(unknown)}",
            remedy="write it into the configuration that --config names",
        )
    result = copy.deepcopy(dict(document))
    for key, entries in patch.items():
        result[key] = [*result.get(key, []), *entries]
    return result


def with_workers(document: Mapping[str, Any], workers: int) -> dict[str, Any]:
    """The configuration, which has no worker node, with the given number of them added."""
    result = copy.deepcopy(dict(document))
    nodes = result.setdefault("nodes", [{"role": "control-plane"}])
    if named := sum(node.get("role") == "worker" for node in nodes):
        raise InvalidConfiguration(
            f"expected a configuration without workers beside --workers {workers}, found {named}",
            remedy="leave out --workers, or the workers of the file that --config names",
        )
    nodes += [{"role": "worker"} for _ in range(workers)]
    return result


def with_audit(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration with an audit log in ``folder`` of this machine, which holds the policy."""
    result = patched(document, {_JSON_PATCHES: [_audit_patch("v1beta4"), _audit_patch("v1beta3")]})
    nodes = result.setdefault("nodes", [{"role": "control-plane"}])
    for node in nodes:
        if node.get("role", "control-plane") == "control-plane":
            node.setdefault("extraMounts", []).append({"hostPath": str(folder), "containerPath": AUDIT_FOLDER})
    return result


def _audit_patch(version: str) -> dict[str, Any]:
    """kind gives kubeadm either version, by that of Kubernetes; it passes over patches of the other."""
    arguments = {
        "audit-policy-file": f"{AUDIT_FOLDER}/{AUDIT_POLICY_FILE}",
        "audit-log-path": f"{AUDIT_FOLDER}/{AUDIT_LOG_FILE}",
        "audit-log-maxsize": str(AUDIT_LOG_MAX_SIZE),
    }
    volume = {"name": "audit", "hostPath": AUDIT_FOLDER, "mountPath": AUDIT_FOLDER, "pathType": "Directory"}
    operations = [_argument(version, name, value) for name, value in arguments.items()]
    operations.append({"op": "add", "path": "/apiServer/extraVolumes", "value": [volume]})
    return {
        "group": "kubeadm.k8s.io",
        "version": version,
        "kind": "ClusterConfiguration",
        "patch": yaml.safe_dump(operations),
    }


def _argument(version: str, name: str, value: str) -> dict[str, Any]:
    """Arguments are a map in v1beta3, and a list since."""
    if version == "v1beta3":
        return {"op": "add", "path": f"/apiServer/extraArgs/{name}", "value": value}
    return {"op": "add", "path": "/apiServer/extraArgs/-", "value": {"name": name, "value": value}}


def write(target: Path, options: KindOptions, *, audit: Path | None) -> Path:
    """The file to give to kind: the default one as it is, or ``target`` with what was asked for.

    A ``target`` that is there from an earlier creation is used again where no option is given, so that a cluster that
    is created again has the same nodes.
    """
    base = options.config or DEFAULT
    if not options.changes_configuration and target.exists():
        return target
    document = load(base)
    for patch in options.patches:
        document = patched(document, load(patch))
    if options.workers:
        document = with_workers(document, options.workers)
    if audit is not None:
        document = with_audit(document, audit)
    if base == DEFAULT and document == load(DEFAULT):
        target.unlink(missing_ok=True)
        return base
    target.write_text(yaml.safe_dump(document, sort_keys=False))
    return target
