# SPDX-License-Identifier: Apache-2.0
"""Whether a candidate's servers are beyond hope, and what they wait for where they are not.

What cannot change (a corrupt artifact, a model that does not load) stops a candidate at once; a container of its
pods that ends by itself, whichever it is, at its second restart; what may still appear (an image, a volume, a node, the
artifact) is waited for until the progress deadline.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlops_contract.messages import reported_failure
from mlops_contract.text import clean
from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import DeploymentReason
from mlops_operator.controllers.modeldeployment.names import FETCH
from mlops_operator.controllers.modeldeployment.servers import (
    Servers,
    container_statuses,
    preparing_statuses,
    revision_of,
    running_statuses,
)
from mlops_operator.controllers.shared import lost_nodes, pending
from mlops_operator.controllers.shared.jobs import pod_ended
from mlops_operator.controllers.shared.pods import MAIN
from mlops_operator.controllers.shared.tries import RETRYING
from mlops_operator.runtime.work.plan import Read

MAX_RESTARTS: Final = 2
"""Restarts of one server that stop a candidate: one may be an eviction's or a node's fault, and the
kubelet's own back-off makes the third a matter of half a minute."""

MAX_WORDS: Final = 400
"""Longest part of a container's last words that is quoted; statuses stay small."""

_IF_LOST: Final = (
    "it gets no requests meanwhile, and the cluster makes another one when it takes this one from the node"
)

_POD_NAME: Final = re.compile(r'pods "[^"]*"')
"""Quota messages name the pod that was refused, another one each time: said of all, the text stays the same."""


@dataclass(frozen=True)
class Trouble:
    """Something is wrong with servers; the reason is one of `DeploymentReason`'s or of the shared pod reasons."""

    reason: str
    message: str
    unconnected: bool = False
    """Whether it is that a connection cannot be made."""

    def __str__(self) -> str:
        """A clause that says what is waited for. Of a task that runs again the message says it all."""
        return self.message if self.reason == RETRYING else f"waiting: {self.reason}: {self.message}"


def failure(servers: Servers) -> Trouble | None:
    """Why the candidate must be stopped now; None where there is still hope."""
    found = (trouble for pod in servers.pods for trouble in (_corrupt(pod), _unloadable(pod), _crashing(pod)))
    return next((trouble for trouble in found if trouble is not None), None)


def waiting(servers: Servers, *, reads: pending.Reads, now: datetime) -> Trouble | None:
    """What keeps servers from being ready, where it is reported by now. Finished pods, e.g. evicted ones, do not count.

    Args:
        reads: what was read to explain that pods do not run; see `questions`.
    """
    pods = [pod for pod in servers.pods if not pod_ended(pod)]
    waited = max((_waited(pod, now) for pod in pods if pending.waits(pod)), default=0.0)
    problem = pending.reported(pending.pod_problem(pods, reads), waited)
    if problem is None or not problem.permanent:
        problem = _lost(servers, now) or problem
    if problem is not None:
        return Trouble(problem.reason, problem.message)
    found = (trouble for pod in pods for trouble in (_not_fetched(pod), _not_prepared(pod), _crashed(pod)))
    return next((trouble for trouble in found if trouble is not None), _not_made(servers.deployment))


def lost(servers: Servers, now: datetime) -> Trouble | None:
    """What is to be said of a pod of these servers whose node does not answer, be they ready without it."""
    problem = _lost(servers, now)
    return Trouble(problem.reason, problem.message) if problem is not None else None


def overdue_in(servers: Servers, now: datetime) -> float | None:
    """Seconds until a pod of these servers that was told to go may be overdue; None where none can be."""
    return lost_nodes.next_look(servers.leaving, now)


def _lost(servers: Servers, now: datetime) -> pending.PodProblem | None:
    if servers.deployment is None:
        return None
    # The Deployment counts a moment later that a pod is not ready: both are told at once.
    short = servers.ready < (servers.scaled_to or 0)
    pods = (*(servers.pods if short else ()), *servers.leaving)
    return lost_nodes.lost(pods, now, follows=_IF_LOST, of=f" of revision {revision_of(servers.deployment)}")


def questions(pods: Sequence[Manifest], now: datetime) -> Sequence[Read]:
    """What has to be read to explain that these pods of servers do not run, once they had time to start."""
    late = [pod for pod in pods if pending.waits(pod) and _waited(pod, now) >= pending.GRACE]
    return pending.questions(late[0]["metadata"]["namespace"], late) if late else ()


def next_look(servers: Servers, now: datetime) -> float | None:
    """Seconds until pods that do not run are looked at again without an event; None where all run."""
    looks = (
        pending.interval(_waited(pod, now), namespace=pod["metadata"]["namespace"], now=now)
        for pod in servers.pods
        if pending.waits(pod)
    )
    return min(looks, default=None)


def _waited(pod: Manifest, now: datetime) -> float:
    return max(0.0, (now - parse_timestamp(pod["metadata"]["creationTimestamp"])).total_seconds())


def steady(found: Trouble | None, *, former: Waiting | None) -> Trouble | None:
    """`found`, in the words of the status where only the words differ between two looks at the same thing.

    The kubelet says in turn that an image cannot be pulled and that it waits before it tries
    again; the first says why.
    """
    if found is not None and former is not None and found.reason == former.reason == DeploymentReason.IMAGE_UNAVAILABLE:
        return Trouble(former.reason, former.message)
    return found


def _corrupt(pod: Manifest) -> Trouble | None:
    trouble = _not_fetched(pod)
    return trouble if trouble is not None and trouble.reason == DeploymentReason.ARTIFACT_CORRUPT else None


def _not_fetched(pod: Manifest) -> Trouble | None:
    for entry in container_statuses(pod, FETCH, init=True):
        ended = _last_end(entry)
        if ended is None or not ended.get("exitCode"):
            continue
        reason, message = _fetch_error(ended)
        known = {DeploymentReason.ARTIFACT_CORRUPT, DeploymentReason.ARTIFACT_NOT_FOUND}
        return Trouble(reason if reason in known else DeploymentReason.FETCH_FAILED, message)
    return None


def _fetch_error(ended: Manifest) -> tuple[str, str]:
    """Reason and message of a failed fetch, which leaves both as JSON."""
    reported = reported_failure(ended.get("message"))
    if reported is not None:
        return reported[0], reported[1][:MAX_WORDS]
    return "", f"the model could not be fetched: exit code {ended.get('exitCode')}{_words(ended)}"


def _unloadable(pod: Manifest) -> Trouble | None:
    for entry in container_statuses(pod, MAIN):
        ended = _last_end(entry)
        said = (ended or {}).get("message") or ""
        if said.startswith(f"{DeploymentReason.MODEL_LOAD_FAILED}:"):
            words = clean(said.partition(":")[2], MAX_WORDS)
            return Trouble(DeploymentReason.MODEL_LOAD_FAILED, words or "the server cannot load the model")
    return None


def _not_prepared(pod: Manifest) -> Trouble | None:
    """An init container of the template that fails: it may wait for something, so it is no reason to stop."""
    for entry in preparing_statuses(pod):
        ended = _last_end(entry)
        if ended is not None and ended.get("exitCode") and not entry.get("ready"):
            message = f"init container {entry['name']} failed ({_how(ended)}){_words(ended)}"
            return Trouble(DeploymentReason.INIT_CONTAINER_FAILED, message)
    return None


def _crashing(pod: Manifest) -> Trouble | None:
    """A container that was restarted too often, be it ready at this moment or not."""
    for entry in running_statuses(pod):
        if entry.get("restartCount", 0) >= MAX_RESTARTS:
            return _ended_by_itself(entry)
    return None


def _crashed(pod: Manifest) -> Trouble | None:
    for entry in running_statuses(pod):
        if _last_end(entry) is not None and not entry.get("ready"):
            return _ended_by_itself(entry)
    return _crashing(pod)


def _ended_by_itself(entry: Manifest) -> Trouble:
    name = entry["name"]
    what = "the server" if name == MAIN else f"container {name}"
    ended = _last_end(entry)
    how = f"({_how(ended)}){_words(ended)}" if ended is not None else "repeatedly"
    return Trouble(DeploymentReason.SERVER_CRASHED, f"{what} ended by itself {how}")


def _how(ended: Manifest) -> str:
    return f"{ended.get('reason') or 'Error'}, exit code {ended.get('exitCode')}"


def _words(ended: Manifest) -> str:
    said = clean((ended.get("message") or "")[-MAX_WORDS:])
    return f": {said}" if said else ""


def _last_end(entry: Manifest) -> Manifest | None:
    """How a container last ended; None where it never has."""
    for state in ("state", "lastState"):
        ended: Manifest | None = (entry.get(state) or {}).get("terminated")
        if ended is not None:
            return ended
    return None


def _not_made(deployment: Manifest | None) -> Trouble | None:
    """Pods that the API server refuses, by a quota or by admission."""
    for condition in ((deployment or {}).get("status") or {}).get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            message = _POD_NAME.sub("pods", clean(condition.get("message")))
            return Trouble(DeploymentReason.FORBIDDEN, message)
    return None
