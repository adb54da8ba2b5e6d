# SPDX-License-Identifier: Apache-2.0
"""Given watches that end badly again and again, then the process stays, forgets nothing, writes nothing, says so."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from localcluster import Cluster
from tests.faults.watches.endings import ENDINGS
from tests.faults.watches.stage import Stage, Trouble, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

TROUBLE = 6.0
"""Seconds: longer than kopf tries a refused request by itself, which is 3.6."""

OFTEN = 24
"""Watch requests for a resource in that time; more would be a burden on an API server that is in trouble already.
Most are less than ten; without any answer kopf tries about once a second, and the HTTP client each of these twice.
"""

KOPFS = ("trainingjobs", "models")
"""Two of our own kinds, which kopf watches."""

CHILDREN = ("jobs", "pods")
"""What an informer watches."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One process for all: whatever came before, it goes on."""
    async with stage(control_plane, tmp_path_factory.mktemp("endings")) as found:
        yield found


@pytest.mark.parametrize("name", ["ended cleanly", "404"])
async def test_all_watches_end_at_once(on: Stage, name: str) -> None:
    ending = ENDINGS[name]
    endured = await on.endure(Trouble(ending.answer, end=ending.end), seconds=TROUBLE)
    assert (endured.restarts > 0) == ending.fatal
    assert max(endured.asked.values(), default=0) <= OFTEN, endured.asked
    assert endured.told, "readiness said nothing"


@pytest.mark.deep
@pytest.mark.parametrize("name", ENDINGS)
async def test_the_watches_of_kopf_end(on: Stage, name: str) -> None:
    ending = ENDINGS[name]
    endured = await on.endure(Trouble(ending.answer, end=ending.end, of=KOPFS), seconds=TROUBLE)
    assert (endured.restarts > 0) == ending.fatal
    assert max(endured.asked.values(), default=0) <= OFTEN, endured.asked
    assert endured.told, "readiness said nothing"


@pytest.mark.deep
@pytest.mark.parametrize("name", ENDINGS)
async def test_the_watches_of_children_end(on: Stage, name: str) -> None:
    ending = ENDINGS[name]
    endured = await on.endure(Trouble(ending.answer, end=ending.end, of=CHILDREN), seconds=TROUBLE)
    assert endured.restarts == 0
    assert max(endured.asked.values(), default=0) <= OFTEN, endured.asked
    assert endured.told or ending.listed, "readiness said nothing"
