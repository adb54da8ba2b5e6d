# SPDX-License-Identifier: Apache-2.0
"""What took a pod away before its program had ended, in plain words; pure.

A pod that Kubernetes or a person takes away is no evidence about its program: neither that it failed nor, where it
ends with 0 when it is told to stop, that it succeeded. See docs/design/0022-disruptions.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from mlops_contract.messages import as_reason
from mlops_contract.text import clean
from mlops_operator.api.conditions import condition_of, holds, parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs

PREEMPTED: Final = "Preempted"
EVICTED: Final = "Evicted"
NODE_TAINTED: Final = "NodeTainted"
NODE_LOST: Final = "NodeLost"
NODE_SHUTDOWN: Final = "NodeShutdown"
POD_DELETED: Final = "PodDeleted"
DISRUPTED: Final = "Disrupted"
"""It was Kubernetes, and nothing tells why."""


@dataclass(frozen=True)
class Disruption:
    """Why a pod was taken away.

    Attributes:
        reason: one of the constants of this module.
        message: the same in words that name the pod and its node.
    """

    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "PreemptionByScheduler": (PREEMPTED, "was removed{node} to make room for a pod of higher priority"),
        "EvictionByEvictionAPI": (EVICTED, "was evicted{node}, as a drain of the node does"),
        "DeletionByTaintManager": (NODE_TAINTED, "was removed{node} because the node has a taint it does not tolerate"),
        "DeletionByPodGC": (NODE_LOST, "was removed{node} because the node no longer exists"),
    }
)
"""Reason and words for the reasons of the condition `DisruptionTarget`, which Kubernetes documents."""

_OWN_FAULT: Final = "exceed"
"""What the kubelet's message contains where it evicts a pod for a limit of its own and not for the node's sake."""


def disruption(pod: Manifest) -> Disruption | None:
    """What took `pod` away before its main container had ended; None where nothing did."""
    moment = taken_at(pod)
    if moment is None:
        return None
    ended = jobs.pod_termination(pod)
    # Of two moments in the same second nobody knows the order: then the end is none by itself.
    if ended is not None and ended.finished_at and parse_timestamp(ended.finished_at) < moment:
        return None
    return _described(pod)


def taken_at(pod: Manifest) -> datetime | None:
    """The time at which the pod was told to stop; None if it was not, or if it exceeded a limit of its own."""
    moments = []
    metadata = pod["metadata"]
    if deleted := metadata.get("deletionTimestamp"):
        # It is the time at which the pod should be gone.
        grace = timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
        moments.append(parse_timestamp(deleted) - grace)
    if jobs.disrupted(pod):
        told = condition_of(pod, jobs.DISRUPTED).get("lastTransitionTime")
        # A condition without a time counts as older than any end.
        moments.append(parse_timestamp(told) if told else parse_timestamp("1970-01-01T00:00:00Z"))
    elif (pod.get("status") or {}).get("reason") == EVICTED:
        moments.append(parse_timestamp(metadata["creationTimestamp"]))
    return None if not moments or _by_own_fault(pod) else min(moments)


def silent_since(pod: Manifest) -> str | None:
    """Since when the node of a running pod has not been heard of; None where it is heard, or nothing tells.

    The control plane marks the pods of a silent node as not ready. The kubelet does so only where a container is
    not ready or a readiness gate is closed: a pod whose containers are all ready is marked for its node.
    """
    if (pod.get("spec") or {}).get("readinessGates"):
        return None
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    if jobs.pod_phase(pod) != "Running" or not containers or not all(entry.get("ready") for entry in containers):
        return None
    if holds(pod, "Ready"):
        return None
    return condition_of(pod, "Ready").get("lastTransitionTime")


def node_of(pod: Manifest) -> str:
    """Name of the pod's node; `""` where it has none."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def name_of(pod: Manifest) -> str:
    """The pod in a message: its rank where its Job has several, and its name."""
    name = pod["metadata"]["name"]
    rank = jobs.rank_label(pod)
    return f"pod {name}" if rank is None else f"rank {rank} (pod {name})"


def _by_own_fault(pod: Manifest) -> bool:
    """Whether the kubelet ended the pod because it used more than it may."""
    status = pod.get("status") or {}
    message = str(status.get("message") or "")
    return status.get("reason") == EVICTED and _OWN_FAULT in message


def _described(pod: Manifest) -> Disruption:
    node = node_of(pod)
    where = f" from node {node}" if node else ""
    condition = condition_of(pod, jobs.DISRUPTED)
    status = pod.get("status") or {}
    kind = condition.get("reason", "")
    if kind == "DeletionByTaintManager" and (since := silent_since(pod)):
        return Disruption(NODE_LOST, f"{name_of(pod)} was removed{where}, which has not answered since {since}")
    if kind in _WORDS:
        reason, words = _WORDS[kind]
        return Disruption(reason, f"{name_of(pod)} {words.format(node=where)}")
    told = clean(status.get("message") or condition.get("message"))
    if kind == "TerminationByKubelet" or status.get("reason") == EVICTED:
        reason = EVICTED if status.get("reason") == EVICTED else NODE_SHUTDOWN
        return Disruption(reason, f"{name_of(pod)} was ended by the kubelet of node {node}: {told}")
    if kind:
        return Disruption(as_reason(kind) or POD_DELETED, f"{name_of(pod)} was removed{where}: {told}")
    return Disruption(POD_DELETED, f"{name_of(pod)} was deleted{where} before it had ended")
