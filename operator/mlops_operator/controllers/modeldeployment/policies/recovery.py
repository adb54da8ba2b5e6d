# SPDX-License-Identifier: Apache-2.0
"""Which revision is the stable one, when status and cluster do not tell the same.

The status says it. Where the status was lost, the traffic Service does: what it is pinned to is
what serves; unless it is the candidate that the status tells of, which was about to be promoted:
its checks are read once more, so that what they found is not lost.

A stable revision whose Deployment is gone is made again if the present spec still describes its
pods; otherwise nobody knows them any more, and the target starts as a first version.
"""

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import RevisionStatus
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.observed import Observed, pinned_to
from mlops_operator.controllers.shared.pods import MAIN


def stable_revision(observed: Observed, *, described: str | None, target: str | None) -> RevisionStatus | None:
    """The stable revision, or None where there is none (any more).

    Args:
        described: revision that the present spec and settings make of the stable version.
        target: revision that is to be served; None where that is not known.
    """
    recorded = observed.status.stable
    if recorded is None:
        candidate = observed.status.candidate
        under_way = candidate is not None and candidate.revision == target == pinned_to(observed.traffic)
        return None if under_way else _pinned(observed)
    if observed.servers(recorded.revision).exists or described == recorded.revision:
        return recorded
    return None


def _pinned(observed: Observed) -> RevisionStatus | None:
    revision = pinned_to(observed.traffic)
    deployment = observed.servers(revision).deployment if revision is not None else None
    if revision is None or deployment is None:
        return None
    annotations = deployment["metadata"].get("annotations") or {}
    try:
        return RevisionStatus(
            version=annotations[names.ANNOTATION_VERSION],
            version_uid=annotations.get(names.ANNOTATION_VERSION_UID, ""),
            digest=annotations[names.ANNOTATION_DIGEST],
            revision=revision,
            deployment=deployment["metadata"]["name"],
            server_image=_server_image(deployment),
        )
    except KeyError:
        return None


def _server_image(deployment: Manifest) -> str | None:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next((container["image"] for container in containers if container["name"] == MAIN), None)
