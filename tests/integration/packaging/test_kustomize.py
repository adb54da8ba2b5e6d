# SPDX-License-Identifier: Apache-2.0
"""The kustomize base: fresh, and what `kubectl apply -k` takes."""

import subprocess
from functools import cache
from typing import Any

import yaml

from helm import render
from localcluster.tools import ensure_tools
from mlops_operator.codegen.generated import ROOT


def test_the_base_is_fresh() -> None:
    assert render.generator().differences(ROOT) == []


@cache
def built() -> list[dict[str, Any]]:
    """The manifests that kubectl makes of the base."""
    command = [str(ensure_tools() / "kubectl"), "kustomize", str(ROOT / render.BASE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def test_kubectl_builds_it() -> None:
    kinds = [manifest["kind"] for manifest in built()]
    assert kinds.count("CustomResourceDefinition") == 8
    assert {"Namespace", "Deployment", "ClusterRole", "ServiceAccount", "Service"} <= set(kinds)
    assert "Job" not in kinds


def test_nothing_says_that_helm_made_it() -> None:
    for name in render.CHARTS:
        assert "helm.sh/" not in (ROOT / render.BASE / name).read_text()
        assert ": Helm" not in (ROOT / render.BASE / name).read_text()


def prunable(manifests: list[dict[str, Any]]) -> set[str]:
    """Kinds of the objects that Flux or Argo CD deletes with the Kustomization or Application that applied them."""

    def kept(manifest: dict[str, Any]) -> bool:
        annotations = manifest["metadata"].get("annotations", {})
        options = annotations.get("argocd.argoproj.io/sync-options", "").split(",")
        flux = annotations.get("kustomize.toolkit.fluxcd.io/prune") == "disabled"
        return flux and {"Prune=false", "Delete=false"} <= set(options)

    return {manifest["kind"] for manifest in manifests if not kept(manifest)}


def test_a_gitops_tool_that_prunes_the_base_leaves_the_definitions_and_the_namespace() -> None:
    gone = prunable(built())
    assert {"CustomResourceDefinition", "Namespace"}.isdisjoint(gone)
    assert {"Deployment", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"} <= gone


def test_a_gitops_tool_that_prunes_an_example_leaves_the_claims_with_artifacts() -> None:
    files = sorted((ROOT / "examples").rglob("*.yaml"))
    claims = [
        manifest
        for file in files
        for manifest in yaml.safe_load_all(file.read_text())
        if manifest and manifest["kind"] == "PersistentVolumeClaim"
    ]
    assert claims
    assert prunable(claims) == set()
