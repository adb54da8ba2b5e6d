# SPDX-License-Identifier: Apache-2.0
"""Drops watch events that the cache already has.

Of every three events of an object of ours two are the echo of our own status writes, whose
answers are in the cache since before. kopf spends about half a millisecond on any event (a task,
a queue, causes, loggers), so an echo is dropped while it is still a line of a watch stream.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from mlops_operator.api.meta import Key
from mlops_operator.kube import wire

Known = Callable[[Key, str], bool]
"""Whether the cache has an object in exactly this resourceVersion."""


class EchoFilter:
    """The content of a watch's response, without the events that the cache already has.

    Stands in for `aiohttp.StreamReader` where kopf reads it; everything else is passed through.

    Args:
        content: the real content.
        known: says what the cache has.
        on_end: called when the stream has ended or is read no more.
    """

    def __init__(self, content: aiohttp.StreamReader, known: Known, on_end: Callable[[], None]) -> None:
        self._content = content
        self._known = known
        self._on_end = on_end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, echoes left out; an incomplete last line is passed on unchanged."""
        rest = b""
        try:
            async for chunk in self._content.iter_chunked(size):
                lines = (rest + chunk if rest else chunk).split(b"\n")
                rest = lines.pop()
                kept = [line for line in lines if not self._is_echo(line)]
                if kept:
                    yield b"\n".join(kept) + b"\n"
            if rest:
                yield rest
        finally:
            self._on_end()

    def _is_echo(self, line: bytes) -> bool:
        try:
            event = wire.decode(line)
            if event["type"] not in ("ADDED", "MODIFIED"):
                return False
            metadata = event["object"]["metadata"]
            return self._known(Key(metadata.get("namespace", ""), metadata["name"]), metadata["resourceVersion"])
        except (ValueError, KeyError, TypeError):
            return False  # malformed: kopf handles it
