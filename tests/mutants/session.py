# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of several modules for many mutants in one session of pytest, which collects the tests once.

A mutant that changes the body of a function is a fork of the session: the function gets its changed code, and those
tests run, up to the first that fails, that call the function. Which tests call which functions is measured first.
"""

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

import pytest

from tests.mutants.catalog import ROOT
from tests.mutants.mutations import Mutation

_FORKS: Final = multiprocessing.get_context("fork")

PATIENCE: Final = 10.0
"""A test that takes this many times as long as without a mutant never ends, and notices the mutant."""

LEAST_CPU: Final = 10.0
"""Seconds of the processor's time that every test may take: one that never ends takes more within seconds."""

UNKNOWN: Final = 70
"""Exit code of a fork that has no function to change."""

Call = tuple[str, str]
"""The path of a module below the repository, and the dotted name of a function in it."""


@dataclass
class Measured:
    """What the tests do without a mutant: how long each takes, which of them call a function, and which fail."""

    seconds: list[float] = field(default_factory=list)
    callers: dict[Call, list[int]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


class Session:
    """A plugin of pytest that runs the collected tests once for each mutant, instead of once.

    Args:
        mutants: each with the module that it changes.
        tell: told the index of a mutant and whether a test noticed it; None where it has to run in a new process.
        within: seconds that the tests of a mutant may take, from those that they take without it.
        at_once: mutants side by side.
    """

    def __init__(
        self,
        mutants: Sequence[tuple[Path, Mutation]],
        tell: Callable[[tuple[int, bool | None]], None],
        within: Callable[[float], float],
        at_once: int,
    ) -> None:
        self._mutants, self._tell, self._within, self._at_once = mutants, tell, within, at_once

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests of every mutant; True, as pytest's own loop must not run."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected without a mutant")
        measured = _measured(session)
        if measured.failed:
            print(f"\nfailed: {', '.join(measured.failed)}")
            raise session.Failed("the tests fail without a mutant")
        running: dict[int, tuple[Any, int, float]] = {}
        for index, (module, mutation) in enumerate(self._mutants):
            callers = measured.callers.get((str(module), mutation.function))
            if callers is None:
                self._tell((index, None))
                continue
            while len(running) >= self._at_once:
                self._reap(running)
            chosen = sorted(callers, key=measured.seconds.__getitem__)
            process = _FORKS.Process(target=_mutant, args=(session, module, mutation, chosen, measured.seconds))
            process.start()
            until = time.monotonic() + self._within(sum(measured.seconds[item] for item in chosen))
            running[process.sentinel] = (process, index, until)
        while running:
            self._reap(running)
        return True

    def _reap(self, running: dict[int, tuple[Any, int, float]]) -> None:
        """Wait until a mutant has ended, and end those whose time is over: they count as noticed."""
        ended = wait(list(running), timeout=1)
        for sentinel, (process, index, until) in list(running.items()):
            if sentinel not in ended and time.monotonic() < until:
                continue
            if sentinel not in ended:
                process.kill()
            process.join()
            del running[sentinel]
            self._tell((index, None if process.exitcode == UNKNOWN else process.exitcode != 0))


def _measured(session: pytest.Session) -> Measured:
    """Run all tests in a fork, and learn what they call."""
    mine, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_measure, args=(session, theirs))
    process.start()
    theirs.close()
    found: Measured = mine.recv()
    process.join()
    return found


def _measure(session: pytest.Session, answer: Connection) -> None:
    found = Measured()
    prefix = f"{ROOT}{os.sep}"
    known: dict[CodeType, Call | None] = {}
    called: set[Call] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call":
            if code not in known:
                inside = code.co_filename.startswith(prefix)
                known[code] = (code.co_filename.removeprefix(prefix), _dotted(code)) if inside else None
            call = known[code]
            if call is not None:
                called.add(call)

    for index, seconds in enumerate(_run(session, range(len(session.items)), before=lambda _: sys.setprofile(note))):
        sys.setprofile(None)
        found.seconds.append(seconds)
        for call in called:
            found.callers.setdefault(call, []).append(index)
        called.clear()
        if session.testsfailed > len(found.failed):
            found.failed.append(session.items[index].nodeid)
    answer.send(found)
    answer.close()
    os._exit(0)


def _mutant(
    session: pytest.Session, module: Path, mutation: Mutation, chosen: Sequence[int], usual: Sequence[float]
) -> None:
    """Run the chosen tests in this process, which becomes the mutant.

    A test that never ends is stopped by the processor's time that it takes, which does not depend on the machine's
    load; one that waits forever takes none, and is stopped by the session.
    """
    if not _patch(compile(mutation.tree, str(ROOT / module), "exec"), str(ROOT / module)):
        os._exit(UNKNOWN)

    def limit(index: int) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, max(LEAST_CPU, PATIENCE * usual[index]))

    for _ in _run(session, chosen, before=limit):
        if session.testsfailed:
            break
    os._exit(int(bool(session.testsfailed)))


def _run(session: pytest.Session, chosen: Sequence[int], before: Callable[[int], None]) -> Iterator[float]:
    """Run tests one after the other, each after `before` with its index; the seconds that each took."""
    for index, following in zip(chosen, [*chosen[1:], None], strict=True):
        item = session.items[index]
        began = time.monotonic()
        before(index)
        item.config.hook.pytest_runtest_protocol(
            item=item, nextitem=None if following is None else session.items[following]
        )
        yield time.monotonic() - began


def _patch(changed: CodeType, path: str) -> bool:
    """Give the functions of a module that is imported already the code of its mutant; whether there are any."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _nested(changed)}
    found = False
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and function.__code__.co_filename == path:
            code = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
            if code is not None:
                function.__code__ = code
                found = True
    return found


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _dotted(code: CodeType) -> str:
    return code.co_qualname.replace(".<locals>", "")
