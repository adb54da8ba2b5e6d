# SPDX-License-Identifier: Apache-2.0
"""Pods of a task that used up none of its tries: Kubernetes took them away, or they could not connect; pure.

The next pod follows by itself, and the Job's status counts none of them. So the task's Job keeps how many there were,
and what happened last, from the moment at which the pods are read: the pod that tells it may be gone a moment later.
See docs/design/0021-tasks.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlops_contract.messages import CONNECTION_FAILED_EXIT_CODE, reported_failure
from mlops_contract.text import clean, decode_object, whole_number
from mlops_operator.api.conditions import condition_of, parse_timestamp
from mlops_operator.api.meta import PREFIX, Manifest
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.disruptions import DISRUPTED, disruption
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.plan import Action, Patch

ANNOTATION: Final = PREFIX + "disruptions"
"""On a task's Job: its disruptions, as JSON."""

ANNOTATION_CONNECTIONS: Final = PREFIX + "failed-connections"
"""On a task's Job: `RETRIED` where a pod that cannot connect uses up no try."""

RETRIED: Final = "Retried"

_DISRUPTION: Final = "disruption"
_CONNECTION: Final = "failed connection"


@dataclass(frozen=True, kw_only=True)
class Disruptions:
    """The disruptions of a task so far, or its failed connections: those of one kind in a row.

    Attributes:
        count: how many.
        words: reason and message of the last one.
        time: by when its pod was to be gone, or had ended.
        pod: UID of its pod.
        made: when that pod was created; a task's pods come one after another.
    """

    count: int
    words: str
    time: str
    pod: str
    made: str
    kind: str = _DISRUPTION

    @property
    def unconnected(self) -> bool:
        """Whether the last pod could not connect."""
        return self.kind == _CONNECTION

    def __str__(self) -> str:
        return f"{self.kind} {self.count}, which uses up no try: {self.words}"


def observed(job: Manifest, pods: Sequence[Manifest]) -> Disruptions | None:
    """The disruptions that the Job keeps, with those that its pods tell of beside; None where there are none."""
    found = _kept(job)
    for pod in sorted(pods, key=lambda pod: (_made(pod), pod["metadata"]["uid"])):
        if found is not None and not _follows(pod, found):
            continue
        found = _next(found, job, pod) or found
    return found


def _next(last: Disruptions | None, job: Manifest, pod: Manifest) -> Disruptions | None:
    """The disruptions with that of a pod; None where it had none."""
    if jobs.disrupted(pod):
        # Of other pods that are told to go the Job counts the end as a failed try.
        taken = disruption(pod)
        kind, words = _DISRUPTION, str(taken) if taken is not None else ""
        time = pod["metadata"].get("deletionTimestamp") or _told_at(pod)
    elif (ended := _unconnected(job, pod)) is not None:
        kind, words = _CONNECTION, ": ".join(reported_failure(ended.message) or ("ConnectionFailed",))
        time = ended.finished_at or _made(pod)
    else:
        return None
    if not words:
        return None
    return Disruptions(
        count=last.count + 1 if last is not None and last.kind == kind else 1,
        words=clean(words),
        time=str(time),
        pod=str(pod["metadata"]["uid"]),
        made=_made(pod),
        kind=kind,
    )


def uses_up_a_try(job: Manifest, pod: Manifest) -> bool:
    """Whether the Job counts a pod that has failed."""
    return not jobs.disrupted(pod) and _unconnected(job, pod) is None


def _unconnected(job: Manifest, pod: Manifest) -> jobs.Termination | None:
    """How a pod ended that could not connect, where that uses up no try of its Job; None for any other."""
    if (job["metadata"].get("annotations") or {}).get(ANNOTATION_CONNECTIONS) != RETRIED:
        return None
    ended = jobs.pod_failure(pod) if jobs.pod_phase(pod) == "Failed" else None
    if ended is None or ended.exit_code != CONNECTION_FAILED_EXIT_CODE:
        return None
    return ended if ended.reason != jobs.PREDICTION_FAILED else None  # foreign code ends with any code


def keep(job: Manifest, found: Disruptions | None) -> tuple[Action, ...]:
    """The patch by which the Job keeps its disruptions; none where it does already."""
    if found is None or found == _kept(job) or "deletionTimestamp" in job["metadata"]:
        return ()
    text = compact_json({**vars(found), "count": str(found.count)})
    return (Patch.of(JOBS, job, {"metadata": {"annotations": {ANNOTATION: text}}}),)


def _kept(job: Manifest) -> Disruptions | None:
    kept = decode_object((job["metadata"].get("annotations") or {}).get(ANNOTATION))
    if kept is None:
        return None
    count = whole_number(kept.get("count"), 0)
    texts = {name: str(kept.get(name)) for name in ("time", "pod", "made")}
    try:
        parse_timestamp(texts["time"])
    except ValueError:
        return None  # somebody else wrote it
    kind = _CONNECTION if kept.get("kind") == _CONNECTION else _DISRUPTION
    return Disruptions(count=count, words=clean(kept.get("words")) or DISRUPTED, kind=kind, **texts) if count else None


def _follows(pod: Manifest, last: Disruptions) -> bool:
    """Whether a pod is younger than the last one that was counted."""
    return _made(pod) >= last.made and pod["metadata"]["uid"] != last.pod


def _told_at(pod: Manifest) -> str:
    return str(condition_of(pod, jobs.DISRUPTED).get("lastTransitionTime") or _made(pod))


def _made(pod: Manifest) -> str:
    return str(pod["metadata"]["creationTimestamp"])
