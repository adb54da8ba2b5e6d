# SPDX-License-Identifier: Apache-2.0
"""Test and interval for the difference of two proportions on the same rows.

Candidate and baseline answer the same `n` rows; `gains` rows are right for the candidate alone and
`losses` for the baseline alone. The score test of T. Tango, Equivalence test and confidence interval for
the difference in proportions for the paired-sample design, Statistics in Medicine 17 (1998) 891-908,
compares gains - losses with n * margin, divided by its standard deviation at the restricted maximum
likelihood estimate of the loss rate under "true difference = margin":

    q = (sqrt(B^2 - 4 A C) - B) / (2 A),  A = 2 n,  C = -losses * margin * (1 - margin)
        B = -gains - losses + (2 n - gains + losses) * margin
    z = (gains - losses - n * margin) / sqrt(n * (2 q + margin * (1 - margin)))

At margin 0 it is McNemar's test. Without a correction its true level exceeds the nominal 2.5 % (2.7 % at
margin 0, 4.4 % at a margin of 0.01: exact sums over the trinomial distribution). A continuity correction
of 1/2 for margins up to 0 and of 1 above keeps it below at every n tried; `python -m bench.decisions
levels` prints the table.
"""

import math
from dataclasses import dataclass
from typing import Final

from scipy.stats import binom

CORRECTION: Final = 0.5
"""Continuity correction, in rows, for margins up to 0."""
CORRECTION_ABOVE_ZERO: Final = 1.0
"""For margins above 0: where nearly all discordant rows are gains, 1/2 is not enough."""

_BISECTIONS: Final = 60


@dataclass(frozen=True)
class PairedProportions:
    """`gains` and `losses` among `n` rows. Differences and margins are proportions of n, candidate minus baseline."""

    n: int
    gains: int
    losses: int

    def p_above(self, margin: float) -> float:
        """One-sided p-value of "the true difference is at most `margin`"; small values speak for more."""
        return _p_above(self.gains, self.losses, self.n, margin)

    def p_below(self, margin: float) -> float:
        """One-sided p-value of "the true difference is at least `margin`"; small values speak for less."""
        return _p_above(self.losses, self.gains, self.n, -margin)

    def interval(self, confidence: float) -> tuple[float, float]:
        """The margins that neither test refuses at (1 - confidence) / 2."""
        tail = (1.0 - confidence) / 2.0
        lower = _limit(self.gains, self.losses, self.n, tail)
        return lower, -_limit(self.losses, self.gains, self.n, tail)


@dataclass(frozen=True)
class Proportion:
    """`successes` among `n` rows, by the binomial distribution (Clopper and Pearson, Biometrika 26, 1934)."""

    successes: int
    n: int

    def p_above(self, margin: float) -> float:
        """One-sided p-value of "the true share is at most `margin`"; small values speak for more."""
        return float(binom.sf(self.successes - 1, self.n, min(max(margin, 0.0), 1.0)))

    def p_below(self, margin: float) -> float:
        """One-sided p-value of "the true share is at least `margin`"; small values speak for less."""
        return float(binom.cdf(self.successes, self.n, min(max(margin, 0.0), 1.0)))


def _p_above(gains: int, losses: int, n: int, margin: float) -> float:
    if margin <= -1.0:
        return 0.0
    if margin >= 1.0:
        return 1.0
    correction = CORRECTION if margin <= 0.0 else CORRECTION_ABOVE_ZERO
    deviation = _deviation(gains, losses, n, margin)
    if deviation == 0.0:
        return 1.0
    z = (gains - losses - n * margin - correction) / deviation
    return math.erfc(z / math.sqrt(2.0)) / 2.0


def _deviation(gains: int, losses: int, n: int, margin: float) -> float:
    linear = -gains - losses + (2 * n - gains + losses) * margin
    constant = -losses * margin * (1.0 - margin)
    loss_rate = (math.sqrt(max(linear * linear - 8.0 * n * constant, 0.0)) - linear) / (4.0 * n)
    return math.sqrt(max(n * (2.0 * loss_rate + margin * (1.0 - margin)), 0.0))


def _limit(gains: int, losses: int, n: int, tail: float) -> float:
    """The largest margin at which `p_above` is below `tail`, by bisection: the p-value rises with the margin."""
    low, high = -1.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _p_above(gains, losses, n, middle) < tail else (low, middle)
    return low
