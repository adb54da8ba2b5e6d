# SPDX-License-Identifier: Apache-2.0
"""What kopf is kept from: echoes, and nothing else."""

import json
from collections.abc import AsyncIterator
from typing import cast

import aiohttp
import pytest

from mlops_operator.api.meta import Key
from mlops_operator.runtime.kopf.echo_filter import EchoFilter


def event(kind: str, name: str, version: int) -> bytes:
    metadata = {"namespace": "ns", "name": name, "resourceVersion": str(version)}
    return json.dumps({"type": kind, "object": {"metadata": metadata}}).encode() + b"\n"


class Content:
    """A stream in the pieces in which it arrives."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    def exception(self) -> None:
        return None


async def left(*pieces: bytes, known: dict[str, str]) -> bytes:
    ends: list[None] = []
    content = EchoFilter(
        cast(aiohttp.StreamReader, Content(*pieces)),
        lambda key, version: known.get(key.name) == version,
        lambda: ends.append(None),
    )
    try:
        return b"".join([chunk async for chunk in content.iter_chunked(100)])
    finally:
        assert len(ends) == 1, "its end is told once"


async def test_an_echo_is_dropped_and_news_passes() -> None:
    stream = event("MODIFIED", "a", 5) + event("MODIFIED", "b", 6)
    assert await left(stream, known={"a": "5", "b": "5"}) == event("MODIFIED", "b", 6)


async def test_lines_may_be_split_anywhere() -> None:
    stream = event("ADDED", "a", 5) + event("ADDED", "b", 6) + event("ADDED", "c", 7)
    pieces = [stream[start : start + 7] for start in range(0, len(stream), 7)]
    assert await left(*pieces, known={"b": "6"}) == event("ADDED", "a", 5) + event("ADDED", "c", 7)


@pytest.mark.parametrize(
    "line",
    [
        event("DELETED", "a", 5),
        b'{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "5"}}}\n',
        b'{"type": "ERROR", "object": {"code": 410}}\n',
        b"rubbish\n",
        b"[]\n",
        b'{"type": "ADDED"}\n',
        b'{"type": "ADDED", "obj',
    ],
)
async def test_everything_else_passes_as_it_is(line: bytes) -> None:
    assert await left(line, known={"a": "5"}) == line


def test_the_rest_of_the_content_is_passed_through() -> None:
    content = EchoFilter(cast(aiohttp.StreamReader, Content()), lambda key, version: key == Key("", ""), lambda: None)
    assert content.exception() is None
