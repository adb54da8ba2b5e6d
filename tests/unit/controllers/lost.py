# SPDX-License-Identifier: Apache-2.0
"""Pods on nodes that do not answer, as the control plane shows them."""

from copy import deepcopy
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest

NODE: Final = "worker-2"


def silent(pod: Manifest, since: datetime, *, node: str = NODE) -> Manifest:
    """A running pod whose node has not answered since then: its containers are ready, as far as anybody knows."""
    found = deepcopy(pod)
    found.setdefault("spec", {})["nodeName"] = node
    status = found.setdefault("status", {})
    status["phase"] = "Running"
    entries = status.get("containerStatuses") or [{"name": "main", "restartCount": 0}]
    status["containerStatuses"] = [{**entry, "ready": True, "state": {"running": {}}} for entry in entries]
    status["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": timestamp(since)}]
    return found


def deleted(pod: Manifest, gone_at: datetime, *, grace: int = 30) -> Manifest:
    """A pod that its node should have ended by then."""
    found = deepcopy(pod)
    found["metadata"] |= {"deletionTimestamp": timestamp(gone_at), "deletionGracePeriodSeconds": grace}
    return found


def by_the_cluster(pod: Manifest, told_at: datetime) -> Manifest:
    """A pod that the cluster took from a node which did not answer."""
    words = "Taint manager: deleting due to NoExecute taint"
    taken = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": words}
    found = deepcopy(pod)
    found["status"].setdefault("conditions", []).append({**taken, "lastTransitionTime": timestamp(told_at)})
    return found
