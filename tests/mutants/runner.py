# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a module in processes of their own, in which the module is a mutant.

The processes are forked from one that has imported the libraries. Mutants of functions share a session of pytest, as
`session` says; any other mutant, as of a constant, costs the import of the project and its tests up to the first that
fails. Mutants exist in memory only: no file is changed.
"""

import ast
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from tests.mutants.catalog import ROOT
from tests.mutants.mutations import Mutation

_FORKS: Final = multiprocessing.get_context("fork")

LIBRARIES: Final = (
    *("aiohttp", "cronsim", "kopf", "numpy", "prometheus_client", "pydantic", "pytest", "scipy.stats"),
    *("sklearn.base", "yaml"),
)
"""Imported once, before the first fork. None of the project: each process imports that anew, with its mutant. And no
plugins of pytest, which have to be imported by pytest itself."""

EXPLORATIONS: Final = ("test_interleavings.py", "test_*search.py", "test_simulation.py")
"""Tests that are left out: they play thousands of steps, and a boundary has to have a test of its own."""

LEAST_PATIENCE: Final = 30.0
"""Seconds that the tests of a mutant may take in any case."""


@dataclass(frozen=True)
class Outcome:
    """How the tests of a mutant ended: noticed, because one failed or did not end; or not."""

    noticed: bool
    seconds: float
    output: str = ""


class _Mutant(importlib.machinery.SourceFileLoader):
    """Finds one module, and compiles a changed tree for it."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        super().__init__(name, str(path))
        self._tree = tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._tree, self.path, "exec")


def preload() -> None:
    """Import the libraries."""
    for name in LIBRARIES:
        importlib.import_module(name)


def run(tests: Sequence[str], *, name: str, path: Path, tree: ast.Module | None, within: float | None) -> Outcome:
    """Run tests with a module's mutant, or without one.

    Args:
        tests: paths.
        name: of the module, as it is imported.
        path: of the module.
        tree: the mutant; None for the module as it is.
        within: seconds after which the tests count as failed.
    """
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        process = _FORKS.Process(target=_child, args=(list(tests), name, path, tree, log.name))
        began = time.monotonic()
        process.start()
        process.join(within)
        ended = process.exitcode is not None
        if not ended:
            process.kill()
            process.join()
        seconds = time.monotonic() - began
        return Outcome(not ended or process.exitcode != 0, seconds, Path(log.name).read_text(errors="replace"))


def _child(tests: list[str], name: str, path: Path, tree: ast.Module | None, log: str) -> None:
    output = os.open(log, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(ROOT)
    os.setpgrp()
    if tree is not None:
        sys.meta_path.insert(0, _Mutant(name, ROOT / path, tree))
    import pytest

    os._exit(int(pytest.main([*_options(), "-x", *tests])))


def run_all(
    tests: Sequence[str],
    mutants: Sequence[tuple[Path, Mutation]],
    *,
    at_once: int,
    told: Callable[[int, bool | None], None],
) -> None:
    """Run tests for many mutants, in one session that collects them once.

    Args:
        tests: paths.
        mutants: each with the path of its module.
        at_once: mutants side by side.
        told: called with the index of each mutant, and whether it was noticed; None where `run` has to find out.

    Raises:
        RuntimeError: the tests fail without a mutant, so nothing can be learned from them.
    """
    mine, theirs = _FORKS.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        log.touch()
        process = _FORKS.Process(target=_session, args=(list(tests), mutants, at_once, theirs, log))
        process.start()
        theirs.close()
        with contextlib.suppress(EOFError):
            while True:
                told(*mine.recv())
        process.join()
        if process.exitcode:
            raise RuntimeError(f"the tests in {tests[-1]} fail without a mutant:\n{log.read_text()[-2000:]}")


def _session(
    tests: list[str], mutants: Sequence[tuple[Path, Mutation]], at_once: int, answers: Connection, log: Path
) -> None:
    output = os.open(log, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(ROOT)
    os.setpgrp()
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(log.parent)
    import pytest

    from tests.mutants.session import PATIENCE, Session

    def within(usual: float) -> float:
        return max(LEAST_PATIENCE, usual * PATIENCE)

    code = int(pytest.main([*_options(), "-s", *tests], plugins=[Session(mutants, answers.send, within, at_once)]))
    os._exit(0 if code == pytest.ExitCode.NO_TESTS_COLLECTED else code)


def _options() -> list[str]:
    skipped = [f"--ignore-glob=*/{name}" for name in EXPLORATIONS]
    return [*skipped, "-q", "--no-header", "-p", "no:cacheprovider", "--hypothesis-profile=ci", "--tb=line"]
