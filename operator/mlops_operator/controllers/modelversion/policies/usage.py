# SPDX-License-Identifier: Apache-2.0
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


def deployed_in(deployments: Iterable[ServedFact], uid: str) -> tuple[DeployedIn, ...]:
    """The deployments that serve the version, by name; one that serves it in both roles is `Stable`.

    Args:
        deployments: those that serve an object of its name, by name.
        uid: the version's UID.
    """
    serving = (entry for entry in deployments if uid in (entry.stable_uid, entry.candidate_uid))
    return tuple(
        DeployedIn(name=entry.deployment, role=STABLE if entry.stable_uid == uid else CANDIDATE)
        for entry in islice(serving, MAX_DEPLOYMENTS)
    )
