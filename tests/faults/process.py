# SPDX-License-Identifier: Apache-2.0
"""The operator as a process of its own that can be killed, stopped and started again.

The interpreter and its imports come from a fork server: a start costs milliseconds, and SIGKILL is
SIGKILL all the same.
"""

import asyncio
import json
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

import aiohttp

from tests.harness.waiting import eventually

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", "tests.faults.child"])

ANSWER: Final = 5.0
"""Seconds within which a process that works answers."""

TERMINATION: Final = 30.0
"""Seconds a process has to end in order."""


_BUSY: Final = re.compile(r"^(?:workqueue_depth|controller_runtime_active_workers)\{.*\} (\S+)$", re.MULTILINE)


class OperatorProcess:
    """One operator; started again whenever it was killed.

    Args:
        arguments: of `mlops-operator run`.
        log: file that its standard error is appended to.
        clock: seconds by which its wall clock is ahead.
    """

    def __init__(self, arguments: Sequence[str], log: Path, *, clock: float = 0.0) -> None:
        self._arguments = list(arguments)
        self._log = log
        self._clock = clock
        self._process: ForkServerProcess | None = None
        self._began = 0
        """Where in the log the present process begins."""
        self._port: int | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        """Process id of the present process."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        assert self._process is not None
        return self._process.exitcode

    def start(self) -> None:
        """Start a process."""
        from tests.faults.child import run

        self._began = self._log.stat().st_size if self._log.exists() else 0
        self._port = None
        self._process = _FORKS.Process(target=run, args=(self._arguments, str(self._log), self._clock), daemon=True)
        self._process.start()
        self.starts += 1

    def crash(self) -> None:
        """SIGKILL, and start another one at once, as a kubelet restarts a container."""
        self.kill()
        self.start()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGKILL)
        self._process.join()

    async def pause(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        pid = self.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def busy(self) -> int:
        """How many objects it has to look at or is at work on, by its own metrics; 1 where it cannot say."""
        if self.exit_code is not None:
            return 0
        self._port = self._port or self._told_port()
        if self._port is None:
            return 1
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER)) as session,
                session.get(f"http://127.0.0.1:{self._port}/metrics") as answer,
            ):
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return 1
        return sum(int(float(value)) for value in _BUSY.findall(text))

    def _told_port(self) -> int | None:
        """Where the present process says that it answers; None while it has not said so."""
        with self._log.open() as log:
            log.seek(self._began)
            told = next((line for line in log if '"starting"' in line and line.endswith("\n")), None)
        return int(json.loads(told)["port"]) if told is not None else None

    async def stop(self) -> int:
        """SIGTERM; returns the exit code.

        Raises:
            TimeoutError: it did not end in time; it is killed then.
        """
        process = self._process
        assert process is not None
        if process.exitcode is None:
            os.kill(self.pid, signal.SIGTERM)

        # Not joined in a thread: another process's start polls all children, and only one reader gets the code.
        async def ended() -> bool:
            return process.exitcode is not None

        try:
            await eventually(ended, within=TERMINATION)
        except AssertionError:
            self.kill()
            raise TimeoutError(f"the operator did not end within {TERMINATION:.0f} s of SIGTERM") from None
        assert process.exitcode is not None
        return process.exitcode


def alive(operator: OperatorProcess) -> str | None:
    """What is wrong where the process ended by itself; None while it runs."""
    code = operator.exit_code
    return None if code is None else f"the operator ended by itself with exit code {code}"


if sys.platform != "linux":
    raise RuntimeError("fault runs need Linux: processes are stopped and killed by signals")
