# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become so, with a limit and a reason in the failure."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")


async def eventually(
    look: Callable[[], Awaitable[Found]],
    accept: Callable[[Found], bool] = bool,
    *,
    within: float = 10.0,
    every: float = 0.02,
) -> Found:
    """What `look` finds, as soon as `accept` accepts it.

    Raises:
        AssertionError: it was not accepted in time; says what was found last.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        found = await look()
        if accept(found):
            return found
        if loop.time() > deadline:
            raise AssertionError(f"not so within {within} s; found last: {found!r}")
        await asyncio.sleep(every)
