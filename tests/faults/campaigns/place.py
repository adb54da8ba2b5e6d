# SPDX-License-Identifier: Apache-2.0
"""One namespace of a campaign, in which one object lives."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import Conflict, NotFound
from mlops_operator.kube.resources import JOBS, OWN
from tests.faults.campaigns.grounds import Ground
from tests.faults.campaigns.journal import LAG, Journal
from tests.faults.campaigns.judge import at_rest
from tests.faults.history import RECORDED, History
from tests.faults.oracles import State, end_state
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop

NAME: Final = "walker"

STILL: Final = 1.0
"""Seconds for which nothing may be written once an object is at rest."""

PATIENCE: Final = 30.0
"""Seconds in which an object has to come to rest."""

CLEAN: Final = 75.0
"""Seconds the cluster has to collect what belonged to a deleted object: the garbage collector looks for new kinds every
30 s, and where their definitions were installed after it has looked, it leaves their children until it knows them."""


class UnsettledError(AssertionError):
    """An object did not come to rest, or did not stay there."""


@dataclass(frozen=True)
class Rest:
    """An object at rest.

    Attributes:
        obj: None where it has deleted itself at its end.
        seconds: from the write until then, without the calm that shows it.
    """

    obj: Manifest | None
    seconds: float


class Place(Workshop):
    """The namespace, prepared for one kind.

    Args:
        client: of the harness's.
        namespace: is there, and empty until `prepare`.
        ground: of the kind.
        journal: of the operator's writes.
    """

    def __init__(self, client: Client, namespace: str, ground: Ground, journal: Journal) -> None:
        super().__init__(client, namespace)
        self.ground = ground
        self.journal = journal
        self._prepared: frozenset[tuple[str, str]] = frozenset()

    async def prepare(self) -> None:
        """Make what specs refer to."""
        await self.ground.prepare(self)
        self._prepared = frozenset(await self._present())

    async def put(self, spec: Manifest, *, dry_run: bool = False) -> Manifest:
        """Make the object, or give it another spec; unknown fields are refused.

        Raises:
            StatusError: it is refused.
        """
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        resource = self.ground.resource
        while True:
            try:
                found = await self.get(resource, NAME)
            except NotFound:
                made = {**resource.manifest(name=NAME, namespace=self.namespace), "spec": spec}
                path = resource.path(namespace=self.namespace)
                return await self.client.request("POST", path, query=query, body=made)
            path = resource.path(namespace=self.namespace, name=NAME)
            try:
                return await self.client.request("PUT", path, query=query, body={**found, "spec": spec})
            except (Conflict, NotFound):
                continue  # the operator wrote in between, or the object has reached its end

    async def admits_new(self, spec: Manifest) -> None:
        """Ask admission about an object of its own with this spec.

        Raises:
            StatusError: it is refused.
        """
        resource = self.ground.resource
        made = {**resource.manifest(name=f"{NAME}-new", namespace=self.namespace), "spec": spec}
        query = {"fieldValidation": "Strict", "dryRun": "All"}
        await self.client.request("POST", resource.path(namespace=self.namespace), query=query, body=made)

    async def current(self) -> Manifest | None:
        """The object, if it is there."""
        try:
            return await self.get(self.ground.resource, NAME)
        except NotFound:
            return None

    async def settle(self) -> Rest:
        """Wait until the object is at rest and the operator is still; then see it stay so.

        Raises:
            UnsettledError: it does not.
        """
        began, calm = time.monotonic(), self.ground.calm
        rest: float | None = None
        ended: float | None = None
        while True:
            obj = await self.current()
            if not await self._jobs_rest():
                ended = None
            elif ended is None:
                ended = time.monotonic()  # what follows from the end of a Job is still to be written
            if obj is not None and not at_rest(self.ground, obj):
                rest = None
            elif rest is None:
                rest = time.monotonic()
            elif (
                time.monotonic() - rest > LAG
                and self.journal.quiet_for(self.namespace) > calm
                and ended is not None
                and time.monotonic() - ended > max(calm, STILL)
            ):
                break
            if time.monotonic() - began > PATIENCE + (calm if rest else 0.0):
                last = (obj or {}).get("status")
                recent = self.journal.since(self.namespace, max(0, self.journal.count(self.namespace) - 5))
                raise UnsettledError(f"not at rest within {PATIENCE:.0f} s; last writes {recent}; status {last}")
            await asyncio.sleep(0.1)
        seconds = max(0.0, min(rest, time.monotonic() - self.journal.quiet_for(self.namespace)) - began)
        await self._stays()
        return Rest(obj, seconds)

    async def _jobs_rest(self) -> bool:
        """Whether no Job is on its way to an end; one whose pods are all refused is not."""
        return not any(
            jobs.job_phase(job) in (jobs.JobPhase.PENDING, jobs.JobPhase.RUNNING)
            and (not jobs.begun(job) or any(job["status"].get(count) for count in ("active", "succeeded", "failed")))
            for job in await self.all(JOBS)
        )

    async def _stays(self) -> None:
        before = self.journal.count(self.namespace)
        await asyncio.sleep(STILL)
        if wrote := self.journal.since(self.namespace, before):
            raise UnsettledError(f"the operator wrote after it had come to rest: {wrote}")

    async def state(self) -> State:
        """Everything in the namespace that follows from the spec, and not from how it came to be."""
        listings = await asyncio.gather(
            *(self.client.list(resource, namespace=self.namespace) for resource in RECORDED)
        )
        objects = {
            resource: [entry for entry in listing.items if not _of_a_rollout(entry)]
            for resource, listing in zip(RECORDED, listings, strict=True)
        }
        return end_state(objects, History())

    async def clear(self) -> None:
        """Delete the object and all that came of it, and make anew what it has changed."""
        for resource in OWN:
            for entry in await self.all(resource):
                name = entry["metadata"]["name"]
                if (resource.plural, name) not in self._prepared:
                    with suppress(NotFound):
                        await self.client.delete(resource, namespace=self.namespace, name=name)
        await eventually(self._left, lambda left: not left, within=CLEAN, every=0.1)
        if self.ground.renew is not None:
            await self.ground.renew(self)

    async def _left(self) -> frozenset[tuple[str, str]]:
        return frozenset(await self._present() - self._prepared)

    async def _present(self) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for resource in RECORDED:
            found |= {(resource.plural, entry["metadata"]["name"]) for entry in await self.all(resource)}
        return found


def _of_a_rollout(obj: Manifest) -> bool:
    """Whether an object is what a rollout leaves for a day: the Job that asked a candidate's servers, and its pod."""
    return "-recheck-" in obj["metadata"]["name"]
