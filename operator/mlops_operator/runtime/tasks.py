# SPDX-License-Identifier: Apache-2.0
"""Running things together that are all needed."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any


async def run_together(parts: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Run all until one ends; end the others; raise what the one ended with.

    Unlike a task group it raises that error itself, not a group around it.

    Args:
        parts: coroutines by the name their task gets; each is expected to run for ever.

    Raises:
        RuntimeError: one of them ended without an error.
    """
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(tasks)
    for task in done:
        task.result()
    raise RuntimeError(f"{next(iter(done)).get_name()!r} ended; expected it to run until it is cancelled")


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended, whatever they end with."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
