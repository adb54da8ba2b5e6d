# SPDX-License-Identifier: Apache-2.0
"""Answers the reads that plans ask for, with as few requests as possible.

Pods are read as `pod_reads` does. Events and nodes only explain why a pod does not start, so their answers may be a
little old, and many objects that ask within that time cost one request.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import EVENTS, NODES
from mlops_operator.runtime.work.plan import EventsAbout, Nodes, ObjectsIn, PodsOfJob, Read
from mlops_operator.runtime.work.pod_reads import PodReads

EVENTS_AGE: Final = 1.0
"""Seconds for which an answer about events is used again."""

NODES_AGE: Final = 60.0
"""Seconds for which an answer about nodes is used again: whether a pod can ever fit changes only with nodes."""


@dataclass(frozen=True)
class _Answer:
    at: float
    objects: Sequence[Manifest]


class Reads:
    """Answers reads.

    Args:
        client: the API client.
        nodes: whether nodes may be read; without that right there are none.
        clock: monotonic seconds.
    """

    def __init__(self, client: Client, *, nodes: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._pods = PodReads(client, clock=clock)
        self._nodes = nodes
        self._clock = clock
        self._known: dict[EventsAbout | Nodes, _Answer] = {}
        self._turns: defaultdict[EventsAbout | Nodes, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def answer(self, wanted: Sequence[Read]) -> dict[Read, Sequence[Manifest]]:
        """The answers to these reads, and to those that follow from them.

        Raises:
            ApiError: a request failed.
        """
        answers: dict[Read, Sequence[Manifest]] = {}
        open_reads = list(wanted)
        while open_reads:
            read = open_reads.pop(0)
            if read in answers:
                continue
            if isinstance(read, PodsOfJob):
                answers[read] = await self._pods.read(read)
                open_reads += read.then(answers[read])
            elif isinstance(read, ObjectsIn):
                answers[read] = (await self._client.list(read.resource, namespace=read.namespace)).items
            else:
                answers[read] = await self._recent(read)
        return answers

    async def _recent(self, read: EventsAbout | Nodes) -> Sequence[Manifest]:
        longest = NODES_AGE if isinstance(read, Nodes) else EVENTS_AGE
        async with self._turns[read]:  # those who wait for their turn get the answer of the one before
            known = self._known.get(read)
            if known is not None and self._clock() - known.at < longest:
                return known.objects
            at = self._clock()  # before the request: the answer is at least as new
            self._known[read] = _Answer(at, await self._list(read))
            self._forget(keep=read)
            return self._known[read].objects

    def _forget(self, *, keep: EventsAbout | Nodes) -> None:
        """Drop answers that are too old: a namespace may never be asked about again."""
        for read, answer in list(self._known.items()):
            if read != keep and self._clock() - answer.at >= NODES_AGE:
                del self._known[read]
                if not self._turns[read].locked():
                    del self._turns[read]

    async def _list(self, read: EventsAbout | Nodes) -> Sequence[Manifest]:
        if isinstance(read, Nodes):
            listing = await self._client.list(NODES) if self._nodes else None
            return [_size_of(node) for node in listing.items] if listing is not None else ()
        selector = f"regarding.kind={read.kind},reason={read.reason}"
        found = await self._client.list(EVENTS, namespace=read.namespace, field_selector=selector, page_size=0)
        return found.items


def _size_of(node: Manifest) -> Manifest:
    """What a decision needs of a node: a node's status lists its images and takes some 30 kB."""
    return {
        "metadata": {"name": node["metadata"]["name"], "labels": node["metadata"].get("labels") or {}},
        "status": {"allocatable": (node.get("status") or {}).get("allocatable") or {}},
    }
