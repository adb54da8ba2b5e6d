# SPDX-License-Identifier: Apache-2.0
"""What is logged of generators that the loop cannot close at its end."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from mlops_operator.runtime.kopf import leaked_tasks


async def stubborn() -> AsyncIterator[int]:
    """A generator that goes on when it is told to end."""
    for number in (1, 2):
        try:
            yield number
        except GeneratorExit:
            yield 3


def run() -> None:
    async def cut_off() -> None:
        leaked_tasks.ignore_unclosable_generators(asyncio.get_running_loop())
        generators.append(stubborn())
        await anext(generators[0])

    generators: list[AsyncIterator[int]] = []
    asyncio.run(cut_off())


def test_a_generator_of_kopf_that_cannot_be_closed_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leaked_tasks, "_PACKAGE", __file__)
    with caplog.at_level(logging.DEBUG):
        run()
    assert [record.levelname for record in caplog.records if "generator" in record.message] == ["DEBUG"]


def test_another_one_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        run()
    assert [record.levelname for record in caplog.records if "generator" in record.message] == ["ERROR"]
