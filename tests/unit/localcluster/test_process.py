# SPDX-License-Identifier: Apache-2.0
"""Processes are known by more than their pid."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from localcluster import process
from localcluster.client import wait_for

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def spawn(tmp_path: Path, program: str = "import time; time.sleep(60)") -> process.ProcessIdentity:
    return process.spawn([sys.executable, "-c", program], log=tmp_path / "log")


def test_a_started_process_is_recognised_until_it_is_stopped(tmp_path: Path) -> None:
    identity = spawn(tmp_path)
    assert process.is_running(identity)
    assert identity.command[0] == sys.executable

    process.stop(identity)

    assert not process.is_running(identity)


def test_output_goes_to_the_log_and_is_appended(tmp_path: Path) -> None:
    for word in ("one", "two"):
        identity = spawn(tmp_path, f"print('{word}')")
        assert wait_for(lambda identity=identity: not process.is_running(identity), seconds=10)  # type: ignore[misc]

    assert (tmp_path / "log").read_text().split() == ["one", "two"]


@pytest.mark.parametrize(
    "change",
    [{"start_ticks": 1}, {"boot_id": "another"}, {"command": ("something", "else")}],
    ids=lambda change: next(iter(change)),
)
def test_a_pid_that_was_given_to_another_process_is_never_signalled(tmp_path: Path, change: dict[str, object]) -> None:
    identity = spawn(tmp_path)
    former = dataclasses.replace(identity, **change)  # type: ignore[arg-type]
    assert not process.is_running(former)

    process.stop(former)

    assert process.is_running(identity)
    process.stop(identity)


def test_who_ignores_the_first_signal_is_killed(tmp_path: Path) -> None:
    identity = spawn(tmp_path, STUBBORN)
    assert wait_for(lambda: "ready" in (tmp_path / "log").read_text(), seconds=10)
    started = time.monotonic()

    process.stop(identity, grace=0.2)

    assert not process.is_running(identity)
    assert time.monotonic() - started < 5


def test_stopping_what_has_ended_does_nothing(tmp_path: Path) -> None:
    identity = spawn(tmp_path, "pass")
    assert wait_for(lambda: not process.is_running(identity), seconds=10)

    process.stop(identity)


def test_children_are_found_by_their_parent(tmp_path: Path) -> None:
    identity = spawn(tmp_path)

    assert identity in process.children(os.getpid())
    process.stop(identity)


def test_a_stopped_process_is_a_running_one(tmp_path: Path) -> None:
    identity = spawn(tmp_path)
    os.kill(identity.pid, signal.SIGSTOP)

    assert process.is_running(identity)
    process.stop(identity, grace=0.1)
    assert not process.is_running(identity)


def test_the_time_of_the_start_is_now(tmp_path: Path) -> None:
    identity = spawn(tmp_path)

    # The boot time the kernel tells has whole seconds.
    assert abs(identity.started_at() - time.time()) < 2
    process.stop(identity)
