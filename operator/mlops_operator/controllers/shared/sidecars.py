# SPDX-License-Identifier: Apache-2.0
"""Containers that continue beside a main one that has ended, as the plain proxy of a service mesh does; pure.

A Job's pod ends when all of its containers have ended. Native sidecars are ended by the kubelet and never keep a pod.
The Job counts such a pod as not ready, so it is read without a request more. See docs/how-to/pods.md.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api import reasons
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import tries
from mlops_operator.controllers.shared.pending import PodProblem
from mlops_operator.controllers.shared.pods import MAIN

PATIENCE: Final = 45.0
"""Seconds after the end of the main container for which another container is not reported. With the interval between
two reads (`pending.INTERVAL`) it is reported within 60 s."""

_NATIVE: Final = "a native sidecar (an init container with restartPolicy: Always)"


def of_attempt(pods: Sequence[Manifest], now: datetime) -> PodProblem | None:
    """The container that keeps an attempt of a training; None where none does, or not for long enough."""
    return _problem(pods, now, "the attempt", f"end it with container {MAIN}, or make it {_NATIVE}")


def of_task(pods: Sequence[Manifest], now: datetime) -> PodProblem | None:
    """The container that keeps a task; None where none does, or not for long enough."""
    remedy = f"set taskPods.labels or annotations by which its injector stays out, or let it inject {_NATIVE}"
    return _problem(pods, now, "the task", remedy)


def _problem(pods: Sequence[Manifest], now: datetime, kept: str, remedy: str) -> PodProblem | None:
    """The first container that still runs `PATIENCE` seconds after the main one of its pod; `kept` does not end."""
    for pod, end, name in _kept(pods):
        ended = end["finishedAt"]
        if (now - parse_timestamp(ended)).total_seconds() < PATIENCE:
            continue
        message = (
            f"container {MAIN} of pod {pod['metadata']['name']} {_how(pod, end)} at {ended}, but container {name}"
            f" continues, so {kept} does not end: {remedy}"
        )
        return PodProblem(reasons.SIDECAR_RUNNING, message)
    return None


def waited_for(pods: Sequence[Manifest]) -> bool:
    """Whether the main container of a pod has ended and another one continues; no event reports it later."""
    return any(True for _ in _kept(pods))


def main_state(pod: Manifest) -> Manifest:
    """The state of the pod's main container; empty where it has none yet."""
    for entry in _container_statuses(pod):
        if entry["name"] == MAIN:
            state: Manifest = entry.get("state") or {}
            return state
    return {}


def _kept(pods: Sequence[Manifest]) -> Iterator[tuple[Manifest, Manifest, str]]:
    """Pods whose main container has ended while another one runs, with that end and the other's name."""
    for pod in pods:
        end = main_state(pod).get("terminated") or {}
        running = [entry["name"] for entry in _container_statuses(pod) if "running" in (entry.get("state") or {})]
        if end.get("finishedAt") and running:
            yield pod, end, running[0]


def _how(pod: Manifest, end: Manifest) -> str:
    if not end.get("exitCode"):
        return "ended"
    return f"failed ({': '.join(filter(None, tries.cause(pod)))})"


def _container_statuses(pod: Manifest) -> Sequence[Manifest]:
    return (pod.get("status") or {}).get("containerStatuses") or ()
