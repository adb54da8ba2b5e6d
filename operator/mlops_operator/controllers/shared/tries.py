# SPDX-License-Identifier: Apache-2.0
"""What is told of a task that runs again: a try of it failed, or its result was lost; pure.

A *try* is one pod of a task's Job. Kubernetes makes the next one when it has failed, so that only the Job's count of
failed pods tells of it; the cause is in the pod. See docs/design/0021-tasks.md.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mlops_contract.messages import as_reason, reported_failure
from mlops_contract.text import clean, whole_number
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import PREFIX, Manifest
from mlops_operator.controllers.shared import job_reads, jobs, task_disruptions
from mlops_operator.controllers.shared.children import renamed
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.identity import has_content
from mlops_operator.runtime.work.plan import Action, Create, Delete

RETRYING: Final = "Retrying"
"""Reason of an object whose task runs again."""

ANNOTATION_LOST: Final = PREFIX + "lost-results"
"""On a task's Job: how many Jobs before it ended well and left no result, because their pods were gone."""

MAX_LOST: Final = 3
"""Times that a task is run again because its result was lost."""

_DEADLINE: Final = "DeadlineExceeded"


def last_failed(job: Manifest, pods: Sequence[Manifest]) -> Manifest | None:
    """The newest pod whose failure used up a try; None where none did."""
    failed = [pod for pod in pods if jobs.pod_phase(pod) == "Failed" and task_disruptions.uses_up_a_try(job, pod)]
    return max(failed, key=_made, default=None)


def cause(pod: Manifest, otherwise: str = "") -> tuple[str, str]:
    """Reason and message of a pod that failed: the workload's own words, else the kubelet's, else `otherwise`.

    The workload's commands leave `{"reason": ..., "message": ...}` in the termination message.
    """
    ended = jobs.pod_failure(pod)
    reported = reported_failure(ended.message) if ended is not None else None
    if reported is not None:
        return reported
    status = pod.get("status") or {}
    if reason := as_reason(status.get("reason")):
        return reason, clean(status.get("message")) or otherwise
    if ended is None:
        return "Failed", otherwise
    words = jobs.last_words(ended) or otherwise or f"the container ended with exit code {ended.exit_code}"
    return ended.reason or "Failed", words


def failure(job: Manifest, pods: Sequence[Manifest]) -> tuple[str, str]:
    """Reason and message of a task's Job that has failed."""
    reason, message = jobs.failure_message(job)
    if reason == _DEADLINE:
        return reason, "; ".join(filter(None, (message, _before_the_end(job, pods))))
    pod = last_failed(job, pods)
    return cause(pod, message) if pod is not None else (reason, message)


def _before_the_end(job: Manifest, pods: Sequence[Manifest]) -> str:
    """What happened to a task that was ended at its deadline. The pod that it still had was deleted for that."""
    pod = last_failed(job, [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]])
    if pod is not None:
        return f"before that a try failed: {_words(pod)}"
    taken = task_disruptions.observed(job, pods)
    return f"before that: {taken}" if taken is not None else ""


def told(job: Manifest, pods: Sequence[Manifest] | None) -> str:
    """Why a task that has not ended runs again; empty where it runs for the first time.

    The same text from the end of one pod to the end of the next, so that it costs one write.
    """
    parts = []
    if lost := lost_results(job):
        parts.append(_lost(lost))
    failed = jobs.failed_tries(job)
    if failed and pods is not None:
        pod = last_failed(job, pods)
        of = job["spec"]["backoffLimit"] + 1
        parts.append(f"try {failed} of {of} failed: {_words(pod) if pod is not None else 'its pod was deleted'}")
    if (taken := task_disruptions.observed(job, pods or ())) is not None:
        parts.append(str(taken))
    return "; ".join(parts)


def waited(job: Manifest, pods: Sequence[Manifest] | None, now: datetime) -> float:
    """Seconds for which the present try has not started."""
    seconds = job_reads.pending_seconds(job, now)
    pod = last_failed(job, pods or ())
    ended = jobs.pod_termination(pod) if pod is not None else None
    taken = task_disruptions.observed(job, pods or ())
    ends = (ended.finished_at if ended is not None else None, taken.time if taken is not None else None)
    since = [(now - parse_timestamp(end)).total_seconds() for end in ends if end is not None]
    return max(0.0, min(seconds, *since)) if since else seconds


def result_lost(pods: Sequence[Manifest]) -> bool:
    """Whether the pods of a Job that ended well cannot tell its result: it is no evidence, good or bad.

    The pod that ran is gone, or it ended well because it was told to stop, before it had reported.
    """
    pod = jobs.first_replica(pods)
    ended = jobs.pod_termination(pod) if pod is not None else None
    if pod is None or ended is None:
        return True
    return not ended.message and (jobs.disrupted(pod) or "deletionTimestamp" in pod["metadata"])


def lost_results(job: Manifest) -> int:
    """How many Jobs before this one left no result."""
    return whole_number((job["metadata"].get("annotations") or {}).get(ANNOTATION_LOST), 0)


def lost_message(job: Manifest) -> str:
    """What is said of a Job whose result is lost."""
    lost = lost_results(job) + 1
    if lost <= MAX_LOST:
        return _lost(lost)
    return f"the pod was deleted: its result cannot be read; the task has run {lost} times"


def run_again(job: Manifest, manifest: Manifest) -> tuple[Action, ...]:
    """The actions that put `manifest`, the same task's Job, in the place of `job`, whose result is lost.

    It has the name of `job`.
    """
    return _instead(job, manifest, lost=lost_results(job) + 1)


def correction(job: Manifest, manifest: Manifest) -> tuple[Action, ...]:
    """The actions that put `manifest` in the place of `job`, whose pod something keeps from running.

    None where `job` is what would be made today. Else what keeps it may be what was corrected since: options of its
    pods, or an image, by its parent or by the installation.
    """
    same = has_content(job, renamed(manifest, job["metadata"]["name"]))
    return () if same else _instead(job, manifest, lost=lost_results(job))


def _instead(job: Manifest, manifest: Manifest, *, lost: int) -> tuple[Action, ...]:
    if "deletionTimestamp" in job["metadata"]:
        return ()  # its name is free once it is gone: then the task is begun as usual
    manifest = renamed(manifest, job["metadata"]["name"])
    metadata = manifest["metadata"]
    if lost:
        annotations = {**(metadata.get("annotations") or {}), ANNOTATION_LOST: str(lost)}
        manifest = {**manifest, "metadata": {**metadata, "annotations": annotations}}
    return Delete.of(JOBS, job), Create(resource=JOBS, manifest=manifest)


def _lost(times: int) -> str:
    return f"the result of the task was lost with its pod, so it runs again ({times} of at most {MAX_LOST} times)"


def _words(pod: Manifest) -> str:
    return ": ".join(filter(None, cause(pod)))


def _made(pod: Manifest) -> str:
    return str(pod["metadata"].get("creationTimestamp", ""))
