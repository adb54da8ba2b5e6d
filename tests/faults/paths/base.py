# SPDX-License-Identifier: Apache-2.0
"""What a path is: objects made, steps taken, states waited for; with patience, since faults take their time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import NotFound, ServerError, Unreachable
from mlops_operator.kube.resources import Resource
from tests.faults.plan import FAULTS
from tests.harness.namespaces import NAMESPACES
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop

PATIENCE: Final = 90.0
"""Seconds that any step may take: the longest fault and the thirty seconds to converge after it."""


class Path(Workshop):
    """One walk through the life of some objects, in a namespace of its own.

    A subclass names itself, makes what is there before the operator starts in `prepare`, and walks in
    `play`. Methods called `do_<action>` are what a plan's `act` faults may do in the middle of it.

    Attributes:
        name: `<kind>/<what happens>`.
        resources: plurals of what is watched and matters here.
        actions: what may be done in the middle, and the name of the path that is walked then; empty for this one.
        derived: whether it is only walked for the actions of other paths, and has no plans of its own.
        faults: kinds of faults that plans are made of.
        counted: whether objects are made and deleted equally often in every run; not where time makes them.
        interrupted: whether somebody acts in the middle; `acted` says when. A path whose point is an action
            does it by itself otherwise.
    """

    name: ClassVar[str]
    resources: ClassVar[Sequence[str]] = ()
    actions: ClassVar[Mapping[str, str]] = {}
    derived: ClassVar[bool] = False
    faults: ClassVar[Collection[str]] = FAULTS
    counted: ClassVar[bool] = True

    def __init__(self, client: Client, namespace: str) -> None:
        super().__init__(client, namespace)
        self.interrupted = False
        self.acted = asyncio.Event()

    async def prepare(self) -> None:
        """Make what is there before the operator starts."""

    async def play(self) -> None:
        """Walk to the end."""
        raise NotImplementedError

    async def rest(self) -> None:
        """Wait for what Kubernetes still has to do once the operator has come to rest, e.g. to collect children."""

    async def act(self, action: str) -> None:
        """Do one of the path's actions."""
        await getattr(self, f"do_{action}")()
        self.acted.set()

    async def come_to(self, goal: Callable[[], Awaitable[object]]) -> None:
        """Wait for the end that is wanted; again, where somebody acts in the middle, after that was done."""
        await goal()
        if self.interrupted:
            await self.interference()
            await goal()

    async def interference(self) -> None:
        """Wait until somebody has acted."""

        async def acted() -> bool:
            return self.acted.is_set()

        await eventually(acted, within=PATIENCE, every=0.1)

    async def until(
        self, resource: Resource, name: str, accept: Callable[[Manifest], bool], *, within: float = PATIENCE
    ) -> Manifest:
        async def look() -> Manifest:
            try:
                return (await self.get(resource, name)).get("status") or {}
            except (NotFound, ServerError, Unreachable):
                return {}

        return await eventually(look, accept, within=within, every=0.1)

    async def remove(self, *resources: Resource) -> None:
        """Delete all objects of some resources by hand."""
        for resource in resources:
            for obj in await self.all(resource):
                with suppress(NotFound):
                    await self.client.delete(resource, namespace=self.namespace, name=obj["metadata"]["name"])

    async def empty(self, *resources: Resource) -> None:
        """Wait until there is no object of these resources."""
        for resource in resources:
            await eventually(partial(self.all, resource), lambda found: not found, within=PATIENCE, every=0.1)

    async def gone(self, resource: Resource, name: str) -> None:
        """Wait until there is no object of this name."""

        async def look() -> bool:
            return name not in {obj["metadata"]["name"] for obj in await self.all(resource)}

        await eventually(look, within=PATIENCE, every=0.1)

    async def namespace_gone(self) -> None:
        """Wait until the path's namespace has ended, with all that was in it."""

        async def look() -> bool:
            return self.namespace not in {obj["metadata"]["name"] for obj in (await self.client.list(NAMESPACES)).items}

        await eventually(look, within=PATIENCE, every=0.2)
