# SPDX-License-Identifier: Apache-2.0
"""Pods on nodes that do not answer: what is said of them, and what a person can do; pure.

Nodes are not read for it: the control plane marks the pods of a silent node, see `disruptions.silent_since`. Later it
deletes them, and they stay until the node says that they have ended, or somebody says so in its place. See
docs/design/0022-disruptions.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest, controller_reference
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.disruptions import NODE_LOST, name_of, node_of, silent_since
from mlops_operator.controllers.shared.pending import PodProblem
from mlops_operator.kube.resources import JOBS

OVERDUE: Final = timedelta(seconds=30)
"""How long after its grace period a pod may still be there before a person is told what to do."""


def lost(pods: Sequence[Manifest], now: datetime, *, follows: str, of: str = "") -> PodProblem | None:
    """The pod of which a person should know most that its node does not answer; None where all nodes do.

    Args:
        follows: what happens without anybody's help, for a pod that need not have ended yet.
        of: what the pods belong to, in words that follow their name, such as `" of revision 5d0c"`.
    """
    return overdue(pods, now, of=of) or silent(pods, follows=follows, of=of)


def silent(pods: Sequence[Manifest], *, follows: str, of: str = "") -> PodProblem | None:
    """The first pod whose node has not been heard of for a while; see `lost`."""
    for pod in _in_order(pods):
        if since := silent_since(pod):
            words = f"node {node_of(pod)} of {name_of(pod)}{of} has not answered since {since}; {follows}"
            return PodProblem(NODE_LOST, words)
    return None


def overdue(pods: Sequence[Manifest], now: datetime, *, of: str = "") -> PodProblem | None:
    """The first pod that should be gone and is not, with what to do about it; see `lost`."""
    for pod in _in_order(pods):
        late = _overdue_at(pod)
        if late is not None and now >= late:
            return PodProblem(NODE_LOST, _what_to_do(pod, of))
    return None


def next_look(pods: Sequence[Manifest], now: datetime) -> float | None:
    """Seconds until a pod may be overdue that is not yet; None where none can be."""
    moments = [late for pod in pods if (late := _overdue_at(pod)) is not None and late > now]
    return (min(moments) - now).total_seconds() if moments else None


def _overdue_at(pod: Manifest) -> datetime | None:
    """When a pod that is told to go is overdue; None where it was not told, or has ended."""
    deleted = pod["metadata"].get("deletionTimestamp")
    if not deleted or jobs.pod_ended(pod):
        return None
    return parse_timestamp(deleted) + OVERDUE


def _what_to_do(pod: Manifest, of: str) -> str:
    node = node_of(pod)
    since = silent_since(pod)
    silence = f", which has not answered since {since}," if since else ""
    return (
        f"{name_of(pod)}{of} should have ended by {pod['metadata']['deletionTimestamp']}, but node {node}{silence} does"
        f" not report that it has: if the node no longer exists, delete it (kubectl delete node {node}); if it is shut"
        f" down, taint it (kubectl taint node {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute);"
        f" {_force(pod)}"
    )


def _force(pod: Manifest) -> str:
    """What comes of deleting the pod by force. A Job keeps its pod, by a finalizer, until it is seen to have ended."""
    owner = controller_reference(pod)
    if owner is not None and owner["kind"] == JOBS.kind:
        return "deleting the pod by force does not help, since its Job waits for its end"
    name = pod["metadata"]["name"]
    return f"delete the pod by force (kubectl delete pod {name} --force) only if the node is powered off"


def _in_order(pods: Sequence[Manifest]) -> list[Manifest]:
    """The same order at every look: the message names one pod, and stays the same."""
    return sorted(pods, key=lambda pod: (jobs.rank_of(pod), str(pod["metadata"]["name"])))
