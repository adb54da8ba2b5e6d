# SPDX-License-Identifier: Apache-2.0
"""Pods and Jobs of an attempt as the cluster shows them while something happens to them."""

from typing import Any

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from tests.unit.controllers.builders import job_started, later, pod_of
from tests.unit.controllers.trainingjob.driver import Run

RUNNING: Manifest = {"running": {}}


def taken(pod: Manifest, at: float, *, reason: str | None = None, grace: int = 30, node: str = "worker-1") -> Manifest:
    """A pod that was told to go at this moment."""
    pod["metadata"] |= {"deletionTimestamp": timestamp(later(at + grace)), "deletionGracePeriodSeconds": grace}
    pod["spec"]["nodeName"] = node
    if reason is not None:
        told = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "lastTransitionTime": timestamp(later(at)),
        }
        pod["status"]["conditions"] = [*pod["status"]["conditions"], told]
    return pod


def terminating(job: Manifest, *, ready: int = 0) -> Manifest:
    """A Job of which one pod has been told to go, as its controller counts it."""
    found = job_started(job, at=later(0), ready=ready)
    found["status"] |= {"active": ready, "terminating": 1}
    return found


def pods_are(run: Run, *pods: Manifest) -> None:
    run.cluster.pods[run.job["metadata"]["name"]] = list(pods)


def rank(job: Manifest, index: int, **rest: Any) -> Manifest:
    return pod_of(job, phase="Running", index=index, main=RUNNING, **rest)


def stopped(job: Manifest) -> Manifest:
    """The suspended Job when its controller has seen it."""
    status = {"conditions": [{"type": "Suspended", "status": "True"}], "active": 0, "ready": 0}
    return {**job, "status": status}
