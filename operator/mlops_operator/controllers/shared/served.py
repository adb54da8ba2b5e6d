"""What a ModelDeployment serves, as others see it."""

from dataclasses import dataclass
from typing import NamedTuple

from mlops_operator.api.meta import Manifest


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
