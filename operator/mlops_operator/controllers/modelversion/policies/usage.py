"""Where a version is used: its number, the aliases that point at it, the deployments that serve it."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from mlops_operator.api.modelversion import DeployedIn
from mlops_operator.controllers.shared.served import ServedFact

STABLE: Final = "Stable"
CANDIDATE: Final = "Candidate"

MAX_DEPLOYMENTS: Final = 32
"""Deployments that the status names."""


def deployed_in(deployments: Iterable[ServedFact], version: str) -> tuple[DeployedIn, ...]:
    """The deployments that serve the version, by name; one that serves it in both roles is `Stable`.

    Args:
        deployments: those that serve it, by name.
        version: the version's name.
    """
    return tuple(
        DeployedIn(name=entry.deployment, role=STABLE if entry.stable == version else CANDIDATE)
        for entry in islice(deployments, MAX_DEPLOYMENTS)
    )
