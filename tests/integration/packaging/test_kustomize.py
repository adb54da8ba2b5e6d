"""The kustomize base: fresh, and what `kubectl apply -k` takes."""

import subprocess

import yaml

from helm import render
from localcluster.tools import ensure_tools
from mlops_operator.crdgen.generated import ROOT


def test_the_base_is_fresh() -> None:
    assert render.generator().differences(ROOT) == []


def test_kubectl_builds_it() -> None:
    command = [str(ensure_tools() / "kubectl"), "kustomize", str(ROOT / render.BASE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    built = [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]
    kinds = [manifest["kind"] for manifest in built]
    assert kinds.count("CustomResourceDefinition") == 8
    assert {"Namespace", "Deployment", "ClusterRole", "ServiceAccount", "Service"} <= set(kinds)
    assert "Job" not in kinds


def test_nothing_says_that_helm_made_it() -> None:
    for name in render.CHARTS:
        assert "helm.sh/" not in (ROOT / render.BASE / name).read_text()
        assert ": Helm" not in (ROOT / render.BASE / name).read_text()
