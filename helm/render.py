# SPDX-License-Identifier: Apache-2.0
"""Renders the charts, with their own values, into the kustomize base: `python helm/render.py [--check]`."""

import subprocess
import sys
from typing import Any, Final

import yaml

from localcluster.tools import ensure_tools
from mlops_operator.codegen.crd.definition import KEPT_BY_GITOPS
from mlops_operator.codegen.generated import ROOT, Generator, run, to_yaml

COMMAND: Final = "python helm/render.py"
NAMESPACE: Final = "mlops-system"
BASE: Final = "helm/kustomize/base"
HEADER: Final = f"# Generated from the charts by `{COMMAND}`. Do not edit.\n"

CHARTS: Final = {"crds.yaml": "mlops-operator-crds", "operator.yaml": "mlops-operator"}
"""The charts by the file that each is rendered into."""

NAMESPACE_MANIFEST: Final = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAMESPACE,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        "annotations": dict(KEPT_BY_GITOPS),
    },
}
"""The operator's namespace. It is kept by GitOps tools, since its deletion deletes whatever else is in it."""

KUSTOMIZATION: Final = {
    "apiVersion": "kustomize.config.k8s.io/v1beta1",
    "kind": "Kustomization",
    "namespace": NAMESPACE,
    "resources": ["namespace.yaml", *CHARTS],
}


def render(chart: str) -> list[dict[str, Any]]:
    """The manifests of a chart, without its tests."""
    command = [str(ensure_tools() / "helm"), "template", chart, str(ROOT / "helm" / chart)]
    command += [f"--namespace={NAMESPACE}", "--skip-tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [as_kustomize(manifest) for manifest in yaml.safe_load_all(done.stdout) if manifest]


def as_kustomize(manifest: dict[str, Any]) -> dict[str, Any]:
    """`manifest` without what only Helm reads or writes."""
    metadata = manifest["metadata"]
    labels = {k: v for k, v in metadata.get("labels", {}).items() if (k, v) != ("app.kubernetes.io/managed-by", "Helm")}
    annotations = {k: v for k, v in metadata.get("annotations", {}).items() if not k.startswith("helm.sh/")}
    kept = {**metadata, "labels": labels, "annotations": annotations}
    return {**manifest, "metadata": {key: value for key, value in kept.items() if value}}


def generator() -> Generator:
    """The kustomize base."""
    files = {
        f"{BASE}/kustomization.yaml": to_yaml(KUSTOMIZATION),
        f"{BASE}/namespace.yaml": to_yaml(NAMESPACE_MANIFEST),
    }
    for name, chart in CHARTS.items():
        files[f"{BASE}/{name}"] = "---\n".join(map(to_yaml, render(chart)))
    return Generator(
        command=COMMAND,
        files={name: HEADER + content for name, content in files.items()},
        owned=(f"{BASE}/*.yaml",),
    )


if __name__ == "__main__":
    sys.exit(run(generator(), "Render the kustomize base from the charts."))
