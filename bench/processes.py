# SPDX-License-Identifier: Apache-2.0
"""Processes of the benchmark, what they use, and their end."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

ROOT: Final = Path(__file__).resolve().parent.parent
CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
END_TIMEOUT: Final = 30.0
"""Seconds for a process to end when it is asked to."""


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the process began; resident memory now and at its highest, in bytes."""

    cpu_seconds: float
    resident_bytes: int
    peak_bytes: int


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def usage_of(pid: int) -> Usage:
    """What a process has used so far, by the kernel's own accounting."""
    lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    sizes = {name: int(value.split()[0]) * 1024 for name, _, value in lines if name in ("VmRSS", "VmHWM")}
    return Usage(cpu_seconds(pid), sizes["VmRSS"], sizes["VmHWM"])


class Process:
    """One process of the benchmark that writes a log.

    Args:
        argv: its command line.
        log: file that its output is appended to.
        environment: variables beside those of this process.
    """

    def __init__(self, argv: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join((str(ROOT / "operator"), str(ROOT)))
        with log.open("ab") as output:
            self.started = time.monotonic()
            # Its standard input ends with us, however we end; who listens to it ends too.
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def usage(self) -> Usage:
        """What it has used so far."""
        return usage_of(self.pid)

    def require_alive(self) -> None:
        """Check that it still runs.

        Raises:
            RuntimeError: it ended; the message has its last output.
        """
        if (code := self._process.poll()) is not None:
            raise RuntimeError(f"{self.log.stem} ended with {code}:\n{self.log.read_text(errors='replace')[-2000:]}")

    async def answers(self, url: str, *, within: float) -> float:
        """Wait until `url` is answered with 200; seconds since the start of the process.

        Raises:
            RuntimeError: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + within
        while not await asyncio.to_thread(_ok, url):
            self.require_alive()
            if time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.log.stem} was not ready within {within:.0f} s:\n{tail}")
            await asyncio.sleep(0.02)
        return time.monotonic() - self.started

    def kill(self) -> float:
        """End it without warning; the moment of that on the monotonic clock."""
        moment = time.monotonic()
        self._process.kill()
        self._collect()
        return moment

    def terminate(self) -> float:
        """Ask it to end and do not wait; the moment of that."""
        moment = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return moment

    def stop(self) -> None:
        """Ask it to end, and wait; it is killed where it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        self._collect()

    def _collect(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _ok(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
