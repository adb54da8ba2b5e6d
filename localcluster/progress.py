# SPDX-License-Identifier: Apache-2.0
"""Report the current step to the user, and how long each step took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.status import Status


class Step(Protocol):
    """A step under way."""

    def update(self, detail: str) -> None:
        """Report the progress of the step."""


class Progress(Protocol):
    """Where steps are reported to."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Report a step for as long as the context is open."""

    def note(self, text: str) -> None:
        """Print a remark."""


class Quiet:
    """Reports nothing: for programs and tests."""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:  # noqa: ARG002 - the protocol's signature
        """See :class:`Progress`."""
        yield self

    def update(self, detail: str) -> None:
        """See :class:`Step`."""

    def note(self, text: str) -> None:
        """See :class:`Progress`."""


class _ConsoleStep:
    #: Without a terminal every update is a line of its own, so they are kept rare.
    SECONDS_BETWEEN_LINES = 15.0

    def __init__(self, title: str, console: Console, status: Status | None) -> None:
        self._title = title
        self._console = console
        self._status = status
        self._started = self._last_line = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def update(self, detail: str) -> None:
        text = f"{self._title} ({detail}, {self.elapsed:.0f} s)"
        if self._status is not None:
            self._status.update(text)
        elif time.monotonic() - self._last_line > self.SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._console.print(f"  … {text}", highlight=False, markup=False)


class OnConsole:
    """One line per step with the time it took, and a spinner meanwhile if there is a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        # Standard error: standard output belongs to what the command is asked to print.
        self._console = console or Console(stderr=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """See :class:`Progress`."""
        status = self._console.status(title) if self._console.is_terminal else None
        step = _ConsoleStep(title, self._console, status)
        if status is not None:
            status.start()
        mark = "[red]✗[/red]"
        try:
            yield step
            mark = "[green]✓[/green]"
        finally:
            if status is not None:
                status.stop()
            self._console.print(f"{mark} {title} [dim]{step.elapsed:.1f} s[/dim]", highlight=False)

    def note(self, text: str) -> None:
        """See :class:`Progress`."""
        self._console.print(f"  {text}", highlight=False, markup=False)
