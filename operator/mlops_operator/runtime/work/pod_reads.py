# SPDX-License-Identifier: Apache-2.0
"""Reads the pods of Jobs, many Jobs with one request where many are asked for.

A namespace has one LIST under way at a time; whoever asks meanwhile goes into the next one
together. A single question is asked at once and alone, a burst of them costs a fraction of a
request each, and none is answered by a LIST that began before it was asked.

A look at Jobs that wait names those that wait `alongside`, and is answered by what a LIST has
found within `SHARED_AGE`: what it costs depends on time, hardly on how many wait.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import PODS
from mlops_operator.runtime.work.plan import PodsOfJob

JOB_NAME: Final = "batch.kubernetes.io/job-name"
"""The label by which the Job controller marks a Job's pods."""

LARGEST_BATCH: Final = 64
"""Jobs in one LIST: their names, of 63 characters at most, make a URL that every proxy takes."""

SHARED_AGE: Final = 1.0
"""Seconds for which an answer is used again for Jobs that were named `alongside`."""

_PodsByJob = dict[str, list[Manifest]]


class _Batch:
    """A LIST that has not been sent yet, and may be joined."""

    def __init__(self) -> None:
        self.jobs: set[str] = set()
        self.alongside: Callable[[], Iterable[str]] | None = None
        self.answer: asyncio.Task[_PodsByJob]


@dataclass(frozen=True)
class _Shared:
    """What a LIST has found: an entry for each Job that it named, also for one without pods."""

    at: float
    pods: _PodsByJob


class PodReads:
    """Answers `PodsOfJob`.

    Args:
        client: the API client.
        clock: monotonic seconds.
    """

    def __init__(self, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._open: dict[str, _Batch] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._shared: dict[str, list[_Shared]] = {}

    async def read(self, wanted: PodsOfJob) -> Sequence[Manifest]:
        """The pods that one Job controls, as they are after the call, or were shortly before if they are `alongside`.

        Raises:
            ApiError: the LIST failed; for everybody who was in it.
        """
        found = self._known(wanted) if wanted.alongside is not None else None
        if found is None:
            found = await self._asked(wanted)
        return [pod for pod in found if wanted.asks_for(pod)]

    async def _asked(self, wanted: PodsOfJob) -> Sequence[Manifest]:
        """The pods with the Job's name, by the next LIST of its namespace."""
        batch = self._open.get(wanted.namespace)
        if batch is None or len(batch.jobs) >= LARGEST_BATCH:
            batch = self._open[wanted.namespace] = _Batch()
            batch.answer = asyncio.create_task(self._send(wanted.namespace, batch), name=f"pods in {wanted.namespace}")
        batch.jobs.add(wanted.job)
        batch.alongside = batch.alongside or wanted.alongside
        # Shielded: who is told to stop must not take the answer from the others.
        return (await asyncio.shield(batch.answer))[wanted.job]

    async def _send(self, namespace: str, batch: _Batch) -> _PodsByJob:
        async with self._turns[namespace]:
            if self._open.get(namespace) is batch:
                del self._open[namespace]
            named = self._named(namespace, batch)
            at = self._clock()  # before the request: the answer is at least as new
            selector = f"{JOB_NAME} in ({','.join(sorted(named))})"
            # A LIST with a limit goes through all the namespace's pods in etcd: with 4,000 of them it takes the API
            # server 260 ms, and without a limit, from its cache and as consistent, 5 ms.
            listing = await self._client.list(PODS, namespace=namespace, label_selector=selector, page_size=0)
        found: _PodsByJob = {job: [] for job in named}
        for pod in listing.items:
            found.setdefault(pod["metadata"]["labels"][JOB_NAME], []).append(pod)
        if batch.alongside is not None:
            self._shared.setdefault(namespace, []).append(_Shared(at, found))
        return found

    def _named(self, namespace: str, batch: _Batch) -> Collection[str]:
        """The Jobs that a LIST is about: those asked for, and of those alongside as many as fit and are not known."""
        if batch.alongside is None:
            return batch.jobs
        known = {job for shared in self._fresh(namespace) for job in shared.pods}
        others = (job for job in batch.alongside() if job not in batch.jobs and job not in known)
        return batch.jobs.union(islice(others, max(0, LARGEST_BATCH - len(batch.jobs))))

    def _known(self, wanted: PodsOfJob) -> Sequence[Manifest] | None:
        """What was found of a Job that waits, the latest, if that was not long ago."""
        fresh = reversed(self._fresh(wanted.namespace))
        return next((shared.pods[wanted.job] for shared in fresh if wanted.job in shared.pods), None)

    def _fresh(self, namespace: str) -> Sequence[_Shared]:
        """The answers of a namespace that may be used again; older ones, of every namespace, are dropped."""
        oldest = self._clock() - SHARED_AGE
        self._shared = {
            name: kept
            for name, answers in self._shared.items()
            if (kept := [one for one in answers if one.at > oldest])
        }
        return self._shared.get(namespace, ())
