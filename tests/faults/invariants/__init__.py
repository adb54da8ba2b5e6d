# SPDX-License-Identifier: Apache-2.0
"""What must hold at every moment of every run, whatever goes wrong: judged from what really happened."""

from collections.abc import Callable, Iterable
from typing import Final

from tests.faults.history import History
from tests.faults.invariants import (
    aliases,
    attempts,
    children,
    decisions,
    deletions,
    flights,
    generations,
    numbers,
    owners,
    removals,
    serving,
    terminal,
    windows,
    writes,
)

INVARIANTS: Final[tuple[Callable[[History], Iterable[str]], ...]] = (
    children.check,
    terminal.check,
    generations.check,
    deletions.check,
    writes.check,
    attempts.check,
    serving.check,
    aliases.check,
    flights.check,
    decisions.check,
    numbers.check,
    windows.check,
    owners.check,
    removals.check,
)


def violations(history: History) -> list[str]:
    """One sentence for each time that an invariant was broken; each begins with the version at which it was."""
    return [sentence for check in INVARIANTS for sentence in check(history)]
