# SPDX-License-Identifier: Apache-2.0
"""Charts as Helm renders them."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from localcluster.tools import ensure_tools
from mlops_operator.codegen.generated import ROOT

CHARTS = ("mlops-operator", "mlops-operator-crds")
VALUES = {"defaults": None} | {path.stem: path for path in sorted(Path(__file__).parent.glob("values/*.yaml"))}
"""Values files by name; None for the chart's own."""

Manifest = dict[str, Any]


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The outcome of a Helm command that needs no cluster."""
    command = [str(ensure_tools() / "helm"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@cache
def template(chart: str, values: str = "defaults", *settings: str) -> str:
    """What `helm template` prints for a release called `mlops-operator` in `mlops-system`.

    Raises:
        ValueError: Helm refuses, in its own words.
    """
    path = VALUES[values]
    options = [*(("--values", path) if path else ()), *(f"--set={setting}" for setting in settings)]
    done = helm("template", "mlops-operator", ROOT / "helm" / chart, "--namespace=mlops-system", *options)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    return done.stdout


def manifests(chart: str, values: str = "defaults", *settings: str) -> list[Manifest]:
    """The rendered manifests."""
    return [document for document in yaml.safe_load_all(template(chart, values, *settings)) if document]


def one(found: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The only manifest of that kind, and name where given."""
    (manifest,) = (m for m in found if m["kind"] == kind and name in (None, m["metadata"]["name"]))
    return manifest
