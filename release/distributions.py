# SPDX-License-Identifier: Apache-2.0
"""Which distributions are made of the source tree below operator/, and what each requires."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "operator"

INJECTED_PYTHON = ">=3.9"
"""Of what is put into images of users; see docs/design/0029-contract.md. The other commands of `mlops_workload` need
the version of the project."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One wheel.

    Attributes:
        name: of the distribution.
        description: one line.
        parts: files and folders of the source tree, relative to it.
        without: those below the parts that another distribution has.
        requires: names of the project's requirements, whose versions stand in pyproject.toml; of a distribution of
            the project, the same version is required.
        extras: the same for requirements that are optional.
        scripts: names of commands and what they call.
        python: versions of Python; by default those of the project.
    """

    name: str
    description: str
    parts: tuple[str, ...]
    without: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    extras: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    python: str | None = None

    def files(self) -> Iterator[tuple[Path, str]]:
        """Each file and its path in the wheel."""
        for part in self.parts:
            place = SOURCES / part
            for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
                name = path.relative_to(SOURCES).as_posix()
                left_out = any(name == one or name.startswith(f"{one}/") for one in self.without)
                if path.is_file() and "__pycache__" not in path.parts and not left_out:
                    yield path, name


_CLIENT = ("mlops_operator/__init__.py", "mlops_operator/py.typed", "mlops_operator/api", "mlops_operator/kube")

DISTRIBUTIONS = (
    Distribution(
        "mlops-contract",
        "Documents that the mlops-operator and its workloads exchange.",
        parts=("mlops_contract",),
        extras={"models": ("pydantic",)},
        python=INJECTED_PYTHON,
    ),
    Distribution(
        "mlops-client",
        "Types of the mlops-operator's API and an asynchronous client of it.",
        parts=_CLIENT,
        requires=("mlops-contract", "pydantic", "aiohttp", "prometheus-client"),
        extras={"kubeconfig": ("kubernetes", "pyyaml")},
    ),
    Distribution(
        "mlops-operator",
        "A Kubernetes operator for the whole machine-learning loop: train, evaluate, promote, serve, watch, retrain.",
        parts=("mlops_operator",),
        without=_CLIENT,
        requires=(
            "mlops-client",
            "kopf",
            "kubernetes",
            "pydantic",
            "pyyaml",
            "prometheus-client",
            "aiohttp",
            "cronsim",
        ),
        scripts={"mlops-operator": "mlops_operator.__main__:main"},
    ),
    Distribution(
        "mlops-workload",
        "What runs inside the pods of the mlops-operator, and the SDK for training code.",
        parts=("mlops_workload",),
        requires=("mlops-contract", "numpy", "scipy", "scikit-learn", "joblib", "fsspec"),
        python=INJECTED_PYTHON,
    ),
)


@cache
def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def version() -> str:
    """The version of the project."""
    return str(project()["version"])


def requirement(name: str) -> str:
    """A requirement with its versions; LookupError if pyproject.toml does not have it."""
    if any(name == one.name for one in DISTRIBUTIONS):
        return f"{name}=={version()}"
    for line in (*project()["dependencies"], *project()["optional-dependencies"]["workload"]):
        if re.split(r"[^A-Za-z0-9._-]", line)[0] == name:
            return str(line)
    raise LookupError(f"expected pyproject.toml to require {name}, found no such line")
