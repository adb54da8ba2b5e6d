# SPDX-License-Identifier: Apache-2.0
"""Start, recognise and end long-running processes.

A pid alone identifies no process: it is reused. A process is known by its pid, the time it started and its command
line, and it is signalled through a pidfd that was opened before those were compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, distinguishable from every later one with the same pid."""

    pid: int
    #: Clock ticks after boot, field 22 of ``/proc/<pid>/stat``.
    start_ticks: int
    #: Ticks count from boot, so they mean nothing after the next one.
    boot_id: str
    command: tuple[str, ...]

    def started_at(self) -> float:
        """Unix time of the process's start, in seconds."""
        return _boot_time() + self.start_ticks / os.sysconf("SC_CLK_TCK")


def _boot_time() -> float:
    line = next(line for line in (_PROC / "stat").read_text().splitlines() if line.startswith("btime "))
    return float(line.split()[1])


def _boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> ProcessIdentity | None:
    """Who has ``pid`` now; None for no process and for a zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
        raw = (_PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the name in parentheses and may itself hold spaces and parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    if state in {"Z", "X"} and int(fields[16]) <= 1:  # field 20: threads; the first one may end before the others
        return None
    command = tuple(part.decode(errors="replace") for part in raw.rstrip(b"\0").split(b"\0"))
    return ProcessIdentity(pid=pid, start_ticks=int(fields[18]), boot_id=_boot_id(), command=command)


def is_running(identity: ProcessIdentity) -> bool:
    """Whether that very process still runs."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(identity.pid, os.WNOHANG)  # a dead child process stays visible until it is collected
    found = identify(identity.pid)
    # A process that is ending has given its command line back already, but still holds its files and ports.
    return found is not None and found in (identity, dataclasses.replace(identity, command=("",)))


def children(parent: int) -> list[ProcessIdentity]:
    """The processes whose parent is ``parent`` now."""
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit() and _parent(entry) == parent)
    return [identity for pid in pids if (identity := identify(pid)) is not None]


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def spawn(command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> ProcessIdentity:
    """Start ``command`` in a session of its own, output appended to ``log``; it outlives the caller."""
    log.parent.mkdir(parents=True, exist_ok=True)
    pid = os.posix_spawnp(
        command[0],
        list(command),
        dict(os.environ if environment is None else environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    found = identify(pid)
    # posix_spawn returns when the new program has its memory, an instant before its command line can be read there.
    while found is not None and found.command == ("",):
        os.sched_yield()
        found = identify(pid)
    if found is None:  # it ended at once; its log has the cause, and is_running() will report it
        return ProcessIdentity(pid=pid, start_ticks=0, boot_id=_boot_id(), command=tuple(command))
    return found


def stop(*identities: ProcessIdentity, grace: float = 5.0) -> None:
    """End those very processes and wait for their end; processes that have ended already are skipped.

    All get SIGTERM at once; who is still there ``grace`` seconds later gets SIGKILL.
    """
    handles: dict[int, ProcessIdentity] = {}
    try:
        for identity in identities:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(identity.pid)
                handles[handle] = identity
        # Compared after the handle was opened: what the handle names cannot change any more.
        waiting = [handle for handle, identity in handles.items() if is_running(identity)]
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
            for handle in waiting:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            waiting = _wait_for_end(waiting, time.monotonic() + patience)
        for identity in handles.values():
            is_running(identity)  # collects it if it was our child
    finally:
        for handle in handles:
            os.close(handle)


def _wait_for_end(handles: list[int], deadline: float) -> list[int]:
    """Wait for the processes behind pidfds; those still there at ``deadline``."""
    waiting = list(handles)
    while waiting and (left := deadline - time.monotonic()) > 0:
        # A pidfd becomes readable when its process ends.
        ended, _, _ = select.select(waiting, [], [], left)
        waiting = [handle for handle in waiting if handle not in ended]
    return waiting
