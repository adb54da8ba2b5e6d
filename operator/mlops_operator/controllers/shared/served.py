# SPDX-License-Identifier: Apache-2.0
"""What a ModelDeployment serves, as others see it."""

from dataclasses import dataclass
from typing import NamedTuple

from mlops_operator.api.conditions import condition_of
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import MODEL_LOADED


@dataclass(frozen=True)
class Served:
    """Versions by name and UID; only what is read of the status is looked at, so that the rest may change.

    Attributes:
        stable: what gets the traffic; None while nothing does.
        digest: of the artifact of `stable`, where the status has it.
        candidate: what is on its way in, or None.
    """

    stable: str | None = None
    candidate: str | None = None
    stable_uid: str = ""
    candidate_uid: str = ""
    digest: str | None = None


def view_served(deployment: Manifest | None) -> Served:
    """What the ModelDeployment serves; nothing where there is none."""
    status = (deployment or {}).get("status") or {}
    stable, candidate = status.get("stable") or {}, status.get("candidate") or {}
    return Served(
        stable=stable.get("version"),
        candidate=candidate.get("version"),
        stable_uid=stable.get("versionUid") or "",
        candidate_uid=candidate.get("versionUid") or "",
        digest=stable.get("digest"),
    )


@dataclass(frozen=True)
class Availability:
    """When a ModelDeployment can have answered requests, as far as its status tells.

    Attributes:
        since: when its first version began to serve; None where that is not known.
        idle_since: since when no replica has been ready; None while one is, or where that is not known.
    """

    since: str | None = None
    idle_since: str | None = None


def view_availability(deployment: Manifest | None) -> Availability:
    """When the ModelDeployment can have answered requests; unknown where there is none."""
    if deployment is None:
        return Availability()
    loaded = condition_of(deployment, MODEL_LOADED)
    return Availability(
        since=(deployment.get("status") or {}).get("servingSince"),
        idle_since=loaded.get("lastTransitionTime") if loaded.get("status") == "False" else None,
    )


class ServedFact(NamedTuple):
    """What a ModelDeployment serves, for an index; empty where it serves nothing in a role."""

    deployment: str
    stable: str
    stable_uid: str
    candidate: str
    candidate_uid: str


def served_fact(deployment: Manifest) -> ServedFact:
    """The fact of a ModelDeployment."""
    served = view_served(deployment)
    return ServedFact(
        deployment["metadata"]["name"],
        served.stable or "",
        served.stable_uid,
        served.candidate or "",
        served.candidate_uid,
    )
