# SPDX-License-Identifier: Apache-2.0
"""How several verdicts make one: the most serious counts, and only all-pass is a pass."""

from collections.abc import Iterable
from typing import Final

from mlops_operator.api.evaluation import Verdict

SERIOUSNESS: Final = (Verdict.ERROR, Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.PASS)
"""A failure is certain whatever else is unknown, so it comes before what could not be told."""


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """The one verdict; nothing measured is `NoData`, never a pass."""
    return min(verdicts, key=SERIOUSNESS.index, default=Verdict.NO_DATA)
