# SPDX-License-Identifier: Apache-2.0
"""The operator's command line with a short limit for silent watches, and with tasks of kopf's that can be killed.

Runs as `python -m tests.faults.watches.impatient run ...`. SIGUSR1 ends the next of kopf's own tasks,
in the order of their names, and logs which one.
"""

import asyncio
import logging
import signal
import sys
from itertools import count
from types import FrameType
from typing import Final

import mlops_operator.__main__ as command
from mlops_operator.runtime.cache import informer
from mlops_operator.runtime.kopf import settings

SILENCE: Final = 3.0
"""Seconds without a byte after which a watch counts as dead, in this process."""

KOPFS: Final = frozenset(
    {
        "stop-flag checker",
        "ultimate termination",
        "startup/cleanup activities",
        "daemon killer",
        "poster of events",
        "resource observer",
        "namespace observer",
        "multidimensional multitasker",
    }
)
"""Names of the tasks whose end kopf takes for its own; of the others' it takes no notice."""

_turns: Final = count()
_logger: Final = logging.getLogger(__name__)


def _kill_next(_number: int, _frame: FrameType | None) -> None:
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks(loop)
    victims = sorted(
        (task for task in tasks if task.get_name() in KOPFS),
        key=asyncio.Task.get_name,
    )
    victim = victims[next(_turns) % len(victims)]
    _logger.info("killed", extra={"task": victim.get_name()})
    loop.call_soon_threadsafe(victim.cancel)


if __name__ == "__main__":
    defaults = informer.Informer.__init__.__kwdefaults__
    assert defaults is not None
    defaults["silence"] = SILENCE
    vars(settings)["SILENCE"] = SILENCE
    signal.signal(signal.SIGUSR1, _kill_next)
    sys.exit(command.main())
