"""Where a version is used: its number, the aliases that point at it, the deployments that serve it."""

from collections.abc import Iterable
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import ModelStatus
from mlops_operator.api.modelversion import DeployedIn

STABLE: Final = "Stable"
CANDIDATE: Final = "Candidate"

MAX_DEPLOYMENTS: Final = 32
"""Deployments that the status names."""


def number_of(model: ModelStatus, uid: str) -> int | None:
    """The number that the Model gave to the version with this UID."""
    return next((entry.number for entry in model.versions if entry.uid == uid), None)


def aliases_of(model: ModelStatus, name: str) -> tuple[str, ...]:
    """The aliases that point at the version, by name."""
    return tuple(sorted(alias.name for alias in model.aliases if alias.version == name))


def deployed_in(deployments: Iterable[Manifest], version: str) -> tuple[DeployedIn, ...]:
    """The deployments that serve the version, by name; one that serves it in both roles is `Stable`."""
    found = []
    for deployment in sorted(deployments, key=lambda entry: str(entry["metadata"]["name"])):
        served = deployment.get("status") or {}
        for field, role in (("stable", STABLE), ("candidate", CANDIDATE)):
            if (served.get(field) or {}).get("version") == version:
                found.append(DeployedIn(name=deployment["metadata"]["name"], role=role))
                break
    return tuple(found[:MAX_DEPLOYMENTS])
