# SPDX-License-Identifier: Apache-2.0
"""Why a pod that was asked for does not run, and from when on that is reported; pure.

Two kinds of causes, see docs/design/0018-pending-pods.md. A *permanent* cause does not end by waiting: an object that
is missing, an image that cannot be pulled, pods that a quota or admission refuses, a pod that no node can run. It is
reported as soon as it is read. A *passing* cause ends by itself as a rule: no free capacity, a pull that takes its
time. It is reported once the pod has waited for `PATIENCE`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zlib import crc32

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import capacity, jobs
from mlops_operator.runtime.work.plan import EventsAbout, Nodes, Read

GRACE: Final = 4.0
"""Seconds that a pod may take to start before its state is read: a healthy pod has started by then."""

PATIENCE: Final = 60.0
"""Seconds for which a passing cause is not reported: in a burst of Jobs most pods wait for some ten seconds."""

INTERVAL: Final = 8.0
"""Longest time between two reads of a pod that does not start, in seconds, however long it has waited. With
`EVENTS_AGE` of the reader, a permanent cause is read within 10 s of the moment it was reported to the API server."""

POD_PENDING: Final = "PodPending"
"""Reason of every passing cause."""

IMAGE_UNAVAILABLE: Final = "ImageUnavailable"

RUNS_AS_ROOT: Final = "RunsAsRoot"
"""Reason of a container that the kubelet does not start because it would run as root, or might."""

FAILED_CREATE: Final = "FailedCreate"
"""Reason of the event of a Job whose pod the API server refused."""

FAILED_MOUNT: Final = "FailedMount"
"""Reason of the event of a pod whose volume the kubelet cannot set up."""


@dataclass(frozen=True)
class PodProblem:
    """Why a pod does not run.

    Attributes:
        reason: one of the kinds' documented condition reasons.
        permanent: whether it does not end by waiting; see the module.
        about: how the message begins where it tells which of several pods wait.
    """

    reason: str
    message: str
    permanent: bool = True
    about: str = ""


Reads = Mapping[Read, Sequence[Manifest]]


def interval(waited: float, *, namespace: str, now: datetime) -> float:
    """Seconds until a pod that has waited for `waited` seconds is read again.

    All pods of a namespace are read at the same moments of the clock, so that one LIST answers for many; other
    namespaces have other moments.
    """
    if waited < GRACE:
        return GRACE - waited + 0.1
    turn = crc32(namespace.encode()) % INTERVAL
    usual = INTERVAL - (now.timestamp() - turn) % INTERVAL
    return min(usual, PATIENCE - waited + 0.1) if waited < PATIENCE else usual


def reported(problem: PodProblem | None, waited: float) -> PodProblem | None:
    """The problem, where it is reported after `waited` seconds; None where it is too early, or there is none."""
    if problem is None or problem.permanent or waited >= PATIENCE:
        return problem
    return None


def questions(namespace: str, pods: Sequence[Manifest]) -> Sequence[Read]:
    """What else has to be read to explain why these pods of a namespace do not run."""
    asked: list[Read] = []
    if any(capacity.short(_scheduling(pod)) for pod in pods):
        asked.append(Nodes())
    if any(_preparing(pod) for pod in pods):
        asked.append(EventsAbout(namespace=namespace, kind="Pod", reason=FAILED_MOUNT))
    return asked


def waits(pod: Manifest) -> bool:
    """Whether a pod has no node, or a node that has started none of its containers."""
    return _scheduling(pod) is not None or _preparing(pod)


def of_job(job: Manifest, pods: Sequence[Manifest]) -> Sequence[Read]:
    """The same for the pods of a Job, of which some or all may be missing because they are refused."""
    asked = questions(job["metadata"]["namespace"], pods)
    missing = len(pods) < jobs.ranks(job)
    return (*asked, _refusals(job)) if missing and jobs.begun(job) else asked


def job_problem(job: Manifest, pods: Sequence[Manifest] | None, reads: Reads) -> PodProblem | None:
    """What keeps a Job from running, given its pods and what `of_job` asks for; None where nothing does.

    Of pods that were not read, nothing is known to.
    """
    if pods is None:
        return None
    if pods:
        return pod_problem(pods, reads)
    if (refused := refusal(job, reads)) is not None:
        return refused
    if jobs.begun(job):
        return PodProblem(POD_PENDING, "the Job controller has not created a pod yet", permanent=False)
    return None


def refusal(job: Manifest, reads: Reads) -> PodProblem | None:
    """Why the API server refuses the pods of a Job; None where it does not."""
    note = _latest_note(reads.get(_refusals(job), ()), job)
    return PodProblem("Forbidden", _POD_NAME.sub(r"\1", note)) if note is not None else None


def _refusals(job: Manifest) -> EventsAbout:
    return EventsAbout(namespace=job["metadata"]["namespace"], kind="Job", reason=FAILED_CREATE)


def pod_problem(pods: Sequence[Manifest], reads: Reads) -> PodProblem | None:
    """What keeps the pods from running: a permanent cause of any of them, else a passing one; None for none."""
    problems = [found for pod in pods if (found := _problem(pod, reads)) is not None]
    return next((found for found in problems if found.permanent), problems[0] if problems else None)


_POD_NAME: Final = re.compile(r'\b([Pp]ods?) "[^"]*"')
"""Refusals name the pod, with another random name each time; without it the message stays the same."""

_WAITING: Final[Mapping[str, str]] = {
    "ErrImagePull": IMAGE_UNAVAILABLE,
    "ImagePullBackOff": IMAGE_UNAVAILABLE,
    "ErrImageNeverPull": IMAGE_UNAVAILABLE,
    "ImageInspectError": IMAGE_UNAVAILABLE,
    "InvalidImageName": IMAGE_UNAVAILABLE,
    "CreateContainerConfigError": "ConfigUnavailable",
    "CreateContainerError": "ConfigUnavailable",
}
"""Condition reasons for the kubelet's reasons of a container that cannot start."""

_CREDENTIALS: Final = re.compile(
    r"\b401\b|\b403\b|unauthorized|authorization|authentication required|no basic auth credentials|access denied",
    re.IGNORECASE,
)
"""What registries and runtimes report about an image that they give to nobody, or not to everybody."""

_PULL_SECRET: Final = (
    "if the image's name is right, its registry asks for credentials: name a Secret of the type"
    " kubernetes.io/dockerconfigjson in imagePullSecrets of the pod, or of its service account"
)

_NOT_AS_ROOT: Final = re.compile(r"^(.*(?:breaks non-root policy|runAsNonRoot and image).*?)(?: \(pod: .*)?$")
"""What the kubelet reports (`CreateContainerConfigError`) about a container that may not run as root, and whose user is
root or has no known ID. The name of the pod at its end is another one for each pod."""

_OTHER_USER: Final = (
    "set runAsUser of the pod's securityContext to an ID other than 0, or use an image whose USER is such an ID"
)

_STARTING: Final = "the pod has a node, its containers are not created yet: images are pulled or volumes are set up"

_MISSING: Final = ("not found", "references non-existent config key")
"""What the kubelet reports about a volume of an object, or of a key of it, that is not there."""

_PREPARING: Final = frozenset({"ContainerCreating", "PodInitializing"})


def _problem(pod: Manifest, reads: Reads) -> PodProblem | None:
    unscheduled = _scheduling(pod)
    if unscheduled is not None:
        return _unschedulable(pod, unscheduled, reads)
    found = next(filter(None, map(_of_container, _containers(pod))), None)
    if found is not None:
        return found
    if not _preparing(pod):
        return None
    mounts = EventsAbout(namespace=pod["metadata"]["namespace"], kind="Pod", reason=FAILED_MOUNT)
    note = _latest_note(reads.get(mounts, ()), pod)
    if note is not None and any(words in note for words in _MISSING):
        claim = "persistentvolumeclaim" in note
        return PodProblem("VolumeNotFound" if claim else "ConfigUnavailable", note)
    if note is not None:
        return PodProblem(POD_PENDING, note, permanent=False)
    return PodProblem(POD_PENDING, _STARTING, permanent=False)


def _of_container(entry: Manifest) -> PodProblem | None:
    """What keeps the kubelet from starting a container, by its status; None where nothing does."""
    waiting = (entry.get("state") or {}).get("waiting") or {}
    reason = _WAITING.get(waiting.get("reason", ""))
    if reason is None:
        return None
    message = waiting.get("message") or f"container {entry['name']}: {waiting['reason']}"
    if (root := _NOT_AS_ROOT.match(message)) is not None:
        return PodProblem(RUNS_AS_ROOT, f"container {entry['name']}: {root[1]}: {_OTHER_USER}")
    if reason == IMAGE_UNAVAILABLE and _CREDENTIALS.search(message) is not None:
        return PodProblem(reason, f"{message}; {_PULL_SECRET}")
    return PodProblem(reason, message)


def _unschedulable(pod: Manifest, message: str, reads: Reads) -> PodProblem:
    if "persistentvolumeclaim" in message and "not found" in message:
        return PodProblem("VolumeNotFound", message)
    verdict = capacity.judge(pod, message, reads.get(Nodes(), ()))
    if verdict.permanent:
        return PodProblem("Unschedulable", verdict.message)
    return PodProblem(POD_PENDING, verdict.message, permanent=False)


def _scheduling(pod: Manifest) -> str | None:
    """The scheduler's message about a pod that it found no node for; None where there is none."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or "")
    return None


def _containers(pod: Manifest) -> Sequence[Manifest]:
    status = pod.get("status") or {}
    return (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))


def _preparing(pod: Manifest) -> bool:
    """Whether a node has the pod and has started none of its containers, without an error of a container."""
    if _scheduling(pod) is not None or jobs.pod_phase(pod) not in ("", "Pending"):
        return False
    states = [entry.get("state") or {} for entry in _containers(pod)]
    reasons = {(state.get("waiting") or {}).get("reason", "") for state in states}
    # A container that runs waits for nothing: its reason is "".
    return bool(states) and reasons <= _PREPARING


def _latest_note(events: Sequence[Manifest], about: Manifest) -> str | None:
    """The note of the latest of the events about an object; None where there is none."""
    uid = about["metadata"]["uid"]
    notes = [event for event in events if (event.get("regarding") or {}).get("uid") == uid and event.get("note")]
    latest = max(notes, key=_time, default=None)
    return str(latest["note"]) if latest is not None else None


def _time(event: Manifest) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("deprecatedLastTimestamp"), event.get("eventTime"))
    return next((str(time) for time in times if time), "")
