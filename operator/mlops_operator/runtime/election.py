# SPDX-License-Identifier: Apache-2.0
"""Leader election by a Lease: at most one process writes.

The rules are client-go's: a lease that its holder did not renew for its whole duration, as seen
on our own clock, may be taken. Three cases need no waiting: the lease is ours (a container that
was restarted in the same pod), it was given back, or the holder's pod is no more.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final

from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from mlops_operator.kube.leases import LeaseRecord, first_record, read_lease, write_lease
from mlops_operator.kube.resources import PODS
from mlops_operator.runtime import metrics

LEASE_DURATION: Final = 15.0
"""Seconds without renewal after which others may take the lease."""

RENEW_DEADLINE: Final = 10.0
"""Seconds without a successful renewal after which the leader stops: well before others may start."""

RETRY_PERIOD: Final = 2.0
"""Seconds between renewals, and between a follower's looks."""

NOT_A_POD: Final = "_"
"""In an identity that is no pod's name: pods' names cannot contain it, so no pod is looked for."""

logger = logging.getLogger(__name__)


class Move(Enum):
    """What to do about the lease now."""

    CREATE = auto()
    TAKE = auto()
    RENEW = auto()
    WAIT = auto()


@dataclass(frozen=True)
class Sighting:
    """A lease as it was read, and the time on our clock when it was first seen in this version."""

    record: LeaseRecord
    since: float


def decide(sighting: Sighting | None, *, identity: str, now: float, holder_gone: bool = False) -> Move:
    """The move for `identity`, given what it saw and when; pure.

    Args:
        sighting: the lease, or None if there is none.
        identity: who asks.
        now: the same clock as the sighting's.
        holder_gone: whether the holder is known to be no more.
    """
    if sighting is None:
        return Move.CREATE
    record = sighting.record
    if record.holder == identity:
        return Move.RENEW
    if not record.holder or holder_gone or now >= sighting.since + record.duration:
        return Move.TAKE
    return Move.WAIT


class LeadershipLost(Exception):
    """The lease was not renewed in time, or somebody else has it. The process must end."""


class Election:
    """One process's part in the election.

    Args:
        client: the API client.
        namespace: where the lease is.
        name: the lease's name.
        identity: who we are: the pod's name, or anything with `NOT_A_POD` in it outside a cluster.
        alive: whether the work that the lease is for goes on; without it the lease is neither taken nor renewed.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        alive: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alive = alive
        self._clock = clock
        self.identity = identity
        self._client = client
        self._namespace = namespace
        self._name = name
        self._sighting: Sighting | None = None
        self._valid_until = float("-inf")
        self._gauge = metrics.LEADER.labels(name)
        self._gauge.set(0)

    def leading(self) -> bool:
        """Whether we may write at this moment: true only within the deadline of the last renewal."""
        return self._clock() < self._valid_until

    async def acquire(self) -> None:
        """Wait until we lead."""
        while True:
            try:
                if self._alive() and await self._attempt():
                    self._gauge.set(1)
                    logger.info("leading", extra={"lease": self._name, "identity": self.identity})
                    return
            except ApiError as error:
                logger.warning("lease not read or written", extra={"lease": self._name, "error": str(error)})
            await asyncio.sleep(RETRY_PERIOD * random.uniform(0.9, 1.1))

    async def hold(self) -> None:
        """Renew until it fails for too long.

        Raises:
            LeadershipLost: always, at the end.
        """
        try:
            while True:
                await asyncio.sleep(RETRY_PERIOD)
                if not self._alive():
                    raise LeadershipLost(f"the lease {self._name} is left to lapse: the event loop hangs")
                await self._within_deadline(self._renew())
        finally:
            self._valid_until = float("-inf")
            self._gauge.set(0)

    async def release(self) -> None:
        """Give the lease back, so that another process need not wait; only after the last write."""
        self._valid_until = float("-inf")
        self._gauge.set(0)
        sighting = self._sighting
        if sighting is None or sighting.record.holder != self.identity:
            return
        try:
            async with asyncio.timeout(RETRY_PERIOD):
                await self._give_back(sighting.record)
        except (ApiError, TimeoutError) as error:
            logger.warning("lease not given back", extra={"lease": self._name, "error": str(error)})

    async def _give_back(self, record: LeaseRecord) -> None:
        """Write the lease as nobody's; over a newer version where that is ours: of a renewal that was cut short."""
        try:
            await self._write(record.released(now=_now()))
        except Conflict:
            found = await read_lease(self._client, namespace=self._namespace, name=self._name)
            if found is None or found.holder != self.identity:
                return
            await self._write(found.released(now=_now()))
        logger.info("lease given back", extra={"lease": self._name})

    # -- one attempt -----------------------------------------------------------------------

    async def _attempt(self) -> bool:
        """Read the lease and take it where that is allowed; whether it is ours now."""
        asked = self._clock()
        record = await read_lease(self._client, namespace=self._namespace, name=self._name)
        self._see(record, at=asked)
        move = decide(self._sighting, identity=self.identity, now=self._clock())
        if move is Move.WAIT and record is not None and await self._pod_gone(record.holder):
            logger.info("the leader's pod is gone", extra={"lease": self._name, "holder": record.holder})
            move = decide(self._sighting, identity=self.identity, now=self._clock(), holder_gone=True)
        if move is Move.WAIT:
            return False
        with suppress(Conflict, AlreadyExists):  # somebody was quicker
            await self._claim(record)
        return self.leading()

    async def _renew(self) -> None:
        """Renew until it succeeds; the deadline is the caller's."""
        while True:
            if self._sighting is None:
                raise LeadershipLost("the lease is gone")
            try:
                if await self._renewed(self._sighting.record):
                    return
            except NotFound as error:
                raise LeadershipLost(f"the lease {self._name} was deleted") from error
            except ApiError as error:
                logger.warning("lease not renewed", extra={"lease": self._name, "error": str(error)})
            await asyncio.sleep(RETRY_PERIOD / 4)

    async def _renewed(self, record: LeaseRecord) -> bool:
        """Renew once; False where it was written since and is ours all the same, as after a reply that was lost."""
        try:
            await self._claim(record)
        except Conflict:
            found = await read_lease(self._client, namespace=self._namespace, name=self._name)
            self._see(found, at=self._clock())
            if found is None or found.holder != self.identity:
                holder = found.holder if found is not None else "nobody"
                raise LeadershipLost(f"the lease {self._name} is held by {holder!r} now") from None
            return False
        return True

    async def _claim(self, record: LeaseRecord | None) -> None:
        """Write the lease as ours; from the moment of asking we lead until the deadline."""
        asked = self._clock()
        duration = round(LEASE_DURATION)
        if record is None:
            ours = first_record(self.identity, duration=duration, now=_now())
        else:
            ours = record.taken_by(self.identity, duration=duration, now=_now())
        await self._write(ours)
        self._valid_until = asked + RENEW_DEADLINE

    async def _write(self, record: LeaseRecord) -> None:
        written = await write_lease(self._client, record, namespace=self._namespace, name=self._name)
        self._see(written, at=self._clock())

    async def _within_deadline(self, renewal: Awaitable[None]) -> None:
        left = self._valid_until - self._clock()
        try:
            async with asyncio.timeout(max(0.0, left)):
                await renewal
        except TimeoutError:
            raise LeadershipLost(f"the lease {self._name} was not renewed for {RENEW_DEADLINE:.0f} s") from None

    def _see(self, record: LeaseRecord | None, *, at: float) -> None:
        known = self._sighting
        if record is None:
            self._sighting = None
        elif known is None or known.record.resource_version != record.resource_version:
            self._sighting = Sighting(record, at)

    async def _pod_gone(self, holder: str) -> bool:
        """Whether the holder was a pod and is no more, or has come to its end."""
        if NOT_A_POD in holder:
            return False
        try:
            pod = await self._client.get(PODS, namespace=self._namespace, name=holder)
        except NotFound:
            return True
        except ApiError:
            return False
        return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _now() -> datetime:
    return datetime.now(UTC)
