# SPDX-License-Identifier: Apache-2.0
"""What images there are and what is in each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
_HERE = Path(__file__).resolve().parent
_SOURCES = REPOSITORY / "operator"

#: What the interpreter of every image finds among its packages: it starts programs below an init.
SITE = _HERE / "site"

#: The tag of images made from a checkout.
DEVELOPMENT_TAG = "dev"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one image is made: wheels, then sources, on the common base."""

    name: str
    #: Lock files, bottom layer first; each holds everything below it in the same versions.
    locks: tuple[Path, ...]
    sources: tuple[Path, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ("python3",)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The image's full name."""
        return f"localhost/{self.name}:{DEVELOPMENT_TAG}"


_WORKLOAD_LOCK = _HERE / "workload/requirements.lock.txt"
_SERVER_LOCK = _HERE / "server/requirements.lock.txt"
_MLSERVER_LOCK = _HERE / "mlserver/requirements.lock.txt"
_DATA_PLANE = (_SOURCES / "mlops_workload", _SOURCES / "mlops_contract")

RECIPES = (
    Recipe(
        "mlops-operator",
        locks=(_HERE / "operator/requirements.lock.txt",),
        sources=(_SOURCES / "mlops_operator", _SOURCES / "mlops_contract"),
        entrypoint=("python3", "-m", "mlops_operator"),
        command=(),
    ),
    Recipe("mlops-workload", locks=(_WORKLOAD_LOCK,), sources=_DATA_PLANE),
    Recipe("mlops-server", locks=(_WORKLOAD_LOCK, _SERVER_LOCK), sources=_DATA_PLANE),
    Recipe("mlops-mlserver", locks=(_WORKLOAD_LOCK, _MLSERVER_LOCK), sources=_DATA_PLANE),
)


def find(name: str) -> Recipe | None:
    """The recipe of an image, by its name or full reference."""
    return next((recipe for recipe in RECIPES if name in {recipe.name, recipe.reference}), None)
