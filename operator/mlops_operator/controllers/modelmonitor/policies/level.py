# SPDX-License-Identifier: Apache-2.0
"""What a reference says about the next window, robust against a few windows that do not belong to it.

A metric in [0, 1] is treated as a share of right rows. For accuracy the rows are those of the
window; for another metric they are the number of independent rows that give its standard error
v (1 - v) / se^2 (the effective sample size).

Windows that are far from the median are left out (median and MAD: Rousseeuw and Croux, 1993). The
others are pooled. Where they vary by more than chance in samples of their sizes explains, the rows
of a window are correlated, and both the reference and the window count for fewer rows (design
effect: Kish, 1965; beta-binomial overdispersion: Williams, 1975).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean, median
from typing import Final

from mlops_operator.api.modelmonitor import ReferenceWindow
from mlops_operator.controllers.modelmonitor.policies.betabinomial import BetaBinomial

MAD_TO_SIGMA: Final = 1.4826
"""Median absolute deviation of a normal distribution times this is its standard deviation."""

OUTLIER: Final = 4.0
"""Robust standard deviations from the median beyond which a window is left out: 1 of 16,000 healthy ones."""

OVERDISPERSED: Final = 0.99
"""Quantile of chi-squared below which the variation of the windows is taken for chance."""

FOUND: Final = 0.8
"""Share of windows that breach, from which on a loss is called found: 4 of 5."""

MAX_ROWS: Final = 100_000
"""Rows of a window beyond which its own chance is negligible against that of any reference; bounds the computation."""


@dataclass(frozen=True)
class Level:
    """What windows that agree say together.

    Attributes:
        share: their pooled value.
        rows: independent rows that it is known from.
        correlation: intraclass correlation of the rows of one window; 0 for independent rows.
        design: effective rows per row.
        used: windows that agree.
        windows: all windows.
    """

    share: float
    rows: float
    correlation: float
    design: float
    used: int
    windows: int

    def rows_of(self, n: int) -> int:
        """Independent rows that n rows of one window count for; at least 1."""
        effective = n * self.design
        return max(1, min(MAX_ROWS, round(effective / (1 + effective * self.correlation))))

    def lower_limit(self, n: int, probability: float) -> float:
        """The value that a window of n rows falls below with at most this probability."""
        distribution = self._next(n)
        return distribution.limit(probability) / distribution.n

    def probability_below(self, n: int, value: float) -> float:
        """Probability that a window of n rows is below `value`."""
        distribution = self._next(n)
        # The least count that is not below; rounded so that 0.9 of 500 rows is 450, not 450.00000000000006.
        return distribution.below(min(distribution.n + 1, -int(-round(value * distribution.n, 6) // 1)))

    def found_loss(self, n: int, lower: float) -> float | None:
        """The highest true value of a model of which `FOUND` of the windows of n rows are below `lower`.

        It is the lower end of Wilson's score interval at `lower`. None where no window can be below.
        """
        if lower <= 0:
            return None
        rows, z, limit = self.rows_of(n), NormalDist().inv_cdf(FOUND), min(1.0, lower)
        half = z * sqrt(limit * (1 - limit) / rows + (z / (2 * rows)) ** 2)
        return max(0.0, (limit + z**2 / (2 * rows) - half) / (1 + z**2 / rows))

    def _next(self, n: int) -> BetaBinomial:
        return BetaBinomial(self.rows_of(n), self.share * self.rows + 0.5, (1 - self.share) * self.rows + 0.5)


def level_of(windows: Sequence[ReferenceWindow]) -> Level:
    """The level of at least one window."""
    agreeing = _agreeing(windows)
    total = sum(window.effective for window in agreeing)
    share = min(1.0, max(0.0, sum(window.value * window.effective for window in agreeing) / total))
    correlation = _correlation(agreeing, share)
    return Level(
        share=share,
        rows=sum(window.effective / (1 + window.effective * correlation) for window in agreeing),
        correlation=correlation,
        design=median(window.effective / window.n for window in agreeing),
        used=len(agreeing),
        windows=len(windows),
    )


def _agreeing(windows: Sequence[ReferenceWindow]) -> list[ReferenceWindow]:
    """The windows that are not far from the median, in units of the larger of chance and robust spread."""
    middle = median(window.value for window in windows)
    residuals = [(window.value - middle) / _chance(middle, window.effective) for window in windows]
    spread = max(1.0, MAD_TO_SIGMA * median(abs(residual) for residual in residuals))
    return [window for window, residual in zip(windows, residuals, strict=True) if abs(residual) <= OUTLIER * spread]


def _chance(share: float, rows: float) -> float:
    """Standard error of a share, with half a row on either side so that it is never 0."""
    smooth = (share * rows + 0.5) / (rows + 1)
    return sqrt(smooth * (1 - smooth) / rows)


def _correlation(windows: Sequence[ReferenceWindow], share: float) -> float:
    """Intraclass correlation from Pearson's chi-squared of the windows; 0 unless it is significant."""
    degrees = len(windows) - 1
    if degrees < 1:
        return 0.0
    statistic = sum(((window.value - share) / _chance(share, window.effective)) ** 2 for window in windows)
    if statistic <= _chi_squared(OVERDISPERSED, degrees):
        return 0.0
    return (statistic / degrees - 1) / fmean(window.effective for window in windows)


def _chi_squared(probability: float, degrees: int) -> float:
    """Quantile of chi-squared (Wilson and Hilferty, 1931): relative error below 1 % for the degrees used here."""
    part = 2 / (9 * degrees)
    return float(degrees * (1 - part + NormalDist().inv_cdf(probability) * sqrt(part)) ** 3)
