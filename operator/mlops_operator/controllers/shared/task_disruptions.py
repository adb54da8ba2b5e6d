"""Pods of a task that Kubernetes took away, which uses up none of its tries; pure.

The next pod follows by itself, and the Job's status counts neither. So the task's Job keeps how many there were and
what happened last, from the moment at which the pods are read: the pod that tells it is gone a moment later. See
docs/design/tasks.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlops_contract.text import clean, decode_object, whole_number
from mlops_operator.api.conditions import condition_of, parse_timestamp
from mlops_operator.api.meta import PREFIX, Manifest
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.disruptions import DISRUPTED, disruption
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.plan import Action, Patch

ANNOTATION: Final = PREFIX + "disruptions"
"""On a task's Job: its disruptions, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Disruptions:
    """The disruptions of a task so far.

    Attributes:
        count: how many.
        words: reason and message of the last one.
        time: by when its pod was to be gone.
        pod: UID of its pod.
        made: when that pod was created; a task's pods come one after another.
    """

    count: int
    words: str
    time: str
    pod: str
    made: str

    def __str__(self) -> str:
        return f"disruption {self.count}, which uses up no try: {self.words}"


def observed(job: Manifest, pods: Sequence[Manifest]) -> Disruptions | None:
    """The disruptions that the Job keeps, with those that its pods tell of beside; None where there are none."""
    found = _kept(job)
    for pod in sorted(pods, key=lambda pod: (_made(pod), pod["metadata"]["uid"])):
        # Of other pods that are told to go the Job counts the end as a failed try.
        why = disruption(pod) if jobs.disrupted(pod) else None
        if why is None or (found is not None and not _follows(pod, found)):
            continue
        found = Disruptions(
            count=found.count + 1 if found is not None else 1,
            words=clean(str(why)),
            time=str(pod["metadata"].get("deletionTimestamp") or _told_at(pod)),
            pod=str(pod["metadata"]["uid"]),
            made=_made(pod),
        )
    return found


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
    return Disruptions(count=count, words=clean(kept.get("words")) or DISRUPTED, **texts) if count else None


def _follows(pod: Manifest, last: Disruptions) -> bool:
    """Whether a pod is younger than the last one that was counted."""
    return _made(pod) >= last.made and pod["metadata"]["uid"] != last.pod


def _told_at(pod: Manifest) -> str:
    return str(condition_of(pod, jobs.DISRUPTED).get("lastTransitionTime") or _made(pod))


def _made(pod: Manifest) -> str:
    return str(pod["metadata"]["creationTimestamp"])
