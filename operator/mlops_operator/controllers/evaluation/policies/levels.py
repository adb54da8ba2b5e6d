# SPDX-License-Identifier: Apache-2.0
"""How small a p-value must be.

**Pass.** All rules must pass, so their number needs no correction (intersection-union test: R. L. Berger,
Technometrics 24, 1982). Gates on the same rows do: each is another chance for luck. The j-th gate gets the
level alpha / j^2. Over any number of gates the levels sum to at most alpha * pi^2 / 6, 4.1 % for a
confidence of 0.95 (Bonferroni's inequality, whatever the dependence; alpha spending with a series that
converges, as in D. P. Foster and R. A. Stine, alpha-investing, JRSS B 70, 2008).

**Fail.** A permanent refusal by any rule of an Evaluation refuses the version, so here their number counts:
the procedure of S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
Statistics 6 (1979) keeps the chance of a wrong `Fail` in one Evaluation below `FAIL_LEVEL`.
"""

from collections.abc import Sequence
from typing import Final

FAIL_LEVEL: Final = 0.05
"""Chance of at least one wrong `Fail` among all rules of an Evaluation."""

WORN_AFTER: Final = 10
"""Gates on the same rows after which the status asks for new rows: the next one gets 1/121 of the level."""


def pass_level(confidence: float, gates_before: int) -> float:
    """Level of the one-sided test of an improvement, after `gates_before` gates on the same rows."""
    return (1.0 - confidence) / 2.0 / (gates_before + 1) ** 2


def holm(p_values: Sequence[float], *, hypotheses: int, level: float = FAIL_LEVEL) -> tuple[bool, ...]:
    """Which hypotheses are rejected, for each p-value.

    Args:
        p_values: those that were measured.
        hypotheses: number of hypotheses of the family; those that were not measured are not rejected.
        level: chance of at least one wrong rejection.
    """
    rejected = [False] * len(p_values)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, position in enumerate(order):
        if p_values[position] >= level / (hypotheses - rank):
            break
        rejected[position] = True
    return tuple(rejected)
