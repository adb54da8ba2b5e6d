# SPDX-License-Identifier: Apache-2.0
"""End states of objects that were made from scratch, against which those that have walked are held."""

import asyncio
import json

from mlops_operator.api.meta import Manifest
from tests.faults.campaigns.place import Place
from tests.faults.oracles import State


class Fresh:
    """Makes each spec's object once, in places that know no other.

    Args:
        places: prepared, and used by nobody else.
    """

    def __init__(self, places: list[Place]) -> None:
        self._free: asyncio.Queue[Place] = asyncio.Queue()
        for place in places:
            self._free.put_nowait(place)
        self._known: dict[str, asyncio.Task[State]] = {}

    async def state(self, spec: Manifest) -> State:
        """The end state of an object that has had this spec and no other.

        Raises:
            AssertionError: it did not come to rest.
        """
        key = json.dumps(spec, sort_keys=True)
        if key not in self._known:
            self._known[key] = asyncio.create_task(self._make(spec), name="fresh object")
        return await self._known[key]

    async def _make(self, spec: Manifest) -> State:
        place = await self._free.get()
        try:
            await place.put(spec)
            await place.settle()
            state = await place.state()
            await place.clear()
            return state
        finally:
            self._free.put_nowait(place)
