# SPDX-License-Identifier: Apache-2.0
"""An attempt of which a pod was taken away: all its pods are stopped at once, and it has ended when none of them runs.

The Job keeps what happened: the pod that tells it is gone when it has ended. While a pod of the attempt may still run
there is no other attempt.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from mlops_contract.messages import as_reason
from mlops_contract.text import clean, decode_object
from mlops_operator.api.conditions import holds, parse_timestamp
from mlops_operator.api.meta import PREFIX, Manifest
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.disruptions import DISRUPTED, Disruption, disruption, taken_at
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.pending import GRACE, interval
from mlops_operator.controllers.trainingjob.policies.completed import completed

ANNOTATION_DISRUPTED: Final = PREFIX + "disrupted"
"""On a Job: what took a pod of it away, as JSON."""

_RESUMED: Final = timedelta(seconds=2)
"""By how much the clocks of two parts of the control plane may differ."""


_FOLLOWED: Final = 6.0
"""Seconds after the signal for which pods are read so often that the end of none is missed. The SDK keeps a run whose
result is complete for 3 s, and the Job controller keeps an ended pod for about one."""

_TICK: Final = 0.5
"""Seconds between two such reads."""


def recorded(job: Manifest) -> Disruption | None:
    """What took a pod of the attempt away, where it is known already: the attempt is being stopped."""
    text = (job["metadata"].get("annotations") or {}).get(ANNOTATION_DISRUPTED)
    if text is None:
        return None
    document = decode_object(text) or {}
    return Disruption(as_reason(document.get("reason")) or DISRUPTED, clean(document.get("message")))


def stop(found: Disruption) -> Manifest:
    """The patch of the Job that stops its pods and keeps why."""
    words = compact_json({"reason": found.reason, "message": found.message})
    return {"metadata": {"annotations": {ANNOTATION_DISRUPTED: words}}, "spec": {"suspend": True}}


def suspected(job: Manifest) -> bool:
    """Whether a pod of a live Job is about to go, for a reason that the Job does not say."""
    if job["spec"].get("suspend") or job["metadata"].get("deletionTimestamp"):
        return False
    return bool((job.get("status") or {}).get("terminating"))


def needs_pods(job: Manifest) -> bool:
    """Whether a decision on a live Job wants its pods for this."""
    return recorded(job) is not None or suspected(job)


def found(job: Manifest, pods: Sequence[Manifest]) -> Disruption | None:
    """What took a pod of a live attempt away before its result was complete; None where a pod failed by itself."""
    if any(_failed(pod) for pod in pods):
        return None  # the Job is about to say so, and takes the others away
    started = (job.get("status") or {}).get("startTime")
    if started is None:
        return None
    # Pods of before a suspension were taken away by it.
    since = parse_timestamp(started) - _RESUMED
    present = [pod for pod in pods if parse_timestamp(pod["metadata"]["creationTimestamp"]) >= since]
    return next((why for pod in present if not completed(pod) and (why := disruption(pod)) is not None), None)


def over(job: Manifest, pods: Sequence[Manifest]) -> bool:
    """Whether none of the pods of a Job that is being stopped runs, and none will be made."""
    # A Job controller that has seen the suspension makes no pod any more.
    return holds(job, "Suspended") and all(jobs.pod_ended(pod) for pod in pods)


def next_look(pods: Sequence[Manifest], *, namespace: str, now: datetime) -> float:
    """Seconds until the pods of a Job that is being stopped are read again without an event."""
    told = [moment for pod in pods if not jobs.pod_ended(pod) and (moment := taken_at(pod)) is not None]
    if told and abs((now - max(told)).total_seconds()) < _FOLLOWED:
        return _TICK
    return interval(GRACE, namespace=namespace, now=now)


def _failed(pod: Manifest) -> bool:
    return jobs.pod_phase(pod) == "Failed" and disruption(pod) is None
