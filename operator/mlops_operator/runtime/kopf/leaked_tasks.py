# SPDX-License-Identifier: Apache-2.0
"""Cancels tasks that kopf leaks when it exits.

When one of kopf's watchers fails, the orchestrator that started them all ends without ending the
others. kopf counts on its last step, which ends every task that is younger than itself; here that
would be most of the process, so that step is disabled. Leaked tasks are found by the file of their code.

And when the loop ends, it closes kopf's generators: one that was cut off between two events cannot be closed, since
its own clean-up catches the request to end. Nothing follows from that, so it is no error of this operator.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any, Final

from mlops_operator.runtime.kopf.light_import import kopf

PATIENCE: Final = 5.0
"""Seconds for the leaked tasks to end; a task of kopf's that waits for longer is left to the next time."""

_PACKAGE: Final = str(Path(kopf.__file__).parent)
_TOGGLES: Final = str(Path(kopf.__file__).parent / "_cogs" / "aiokits" / "aiotoggles.py")


logger = logging.getLogger(__name__)


def ignore_unclosable_generators(loop: asyncio.AbstractEventLoop) -> None:
    """Log it at `debug` when a generator of kopf's cannot be closed at the loop's end; all else as before."""
    former = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        code = getattr(context.get("asyncgen"), "ag_code", None)
        if code is not None and code.co_filename.startswith(_PACKAGE):
            logger.debug("kopf's generator could not be closed", extra={"error": str(context.get("exception"))})
        elif former is not None:
            former(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


async def cancel_leaked_tasks() -> None:
    """Cancel kopf's tasks, when no run of kopf is under way, and wait for their end."""
    # Watchers first: each takes with it the toggle it waits on. A toggle that ends before its watcher makes
    # a callback of kopf's fail that asks for the current task where there is none.
    for some in ([task for task in _leaked() if _file(task) != _TOGGLES], _leaked()):
        for task in some:
            task.cancel()
        if some:
            await asyncio.wait(some, timeout=PATIENCE)


def _leaked() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if _file(task).startswith(_PACKAGE)]


def _file(task: asyncio.Task[Any]) -> str:
    """The file of the function that a task runs; empty where it is unknown."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code.co_filename if code is not None else ""
