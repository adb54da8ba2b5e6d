# SPDX-License-Identifier: Apache-2.0
"""A plan's convergence is measured from its last disturbance, also from one that outlasts the path."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults import run as runs
from tests.faults.run import Outcome


async def test_an_answer_kept_back_beyond_the_end_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    async def settle() -> None:
        return

    async def resynced(*_: object) -> None:
        answer.last = 130.0  # given while the path settles

    answer = SimpleNamespace(last=100.0, settle=settle)
    trace = SimpleNamespace(writes=[SimpleNamespace(at=130.5)])
    outcome = Outcome(cast("Any", None))
    monkeypatch.setattr(runs, "_resynced", resynced)
    monkeypatch.setattr(runs, "CALM", -1e9)

    await runs._settle(cast("Any", None), cast("Any", None), cast("Any", trace), [cast("Any", answer)], outcome)

    assert outcome.converged == 0.5
