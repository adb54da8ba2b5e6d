# SPDX-License-Identifier: Apache-2.0
"""Test and interval for a difference that has no closed form: a standard error and Student's t.

    t = (difference - margin) / sqrt(error^2 + unseen^2)

`error` is the standard error by resampling (or its closed form for a mean); `unseen` is the standard
error of one gain and one loss more in each class, with the largest effect that one row, or one group of
rows, has there. It keeps a sample without losses from showing that there are none: the device of
A. Agresti and B. Caffo (The American Statistician 54, 2000) and of D. G. Bonett and R. M. Price (Statistics in
Medicine 31, 2012), who add one to each discordant count, applied to the variance alone.
"""

import math
from dataclasses import dataclass

from scipy.stats import t as student


@dataclass(frozen=True)
class Studentized:
    """An estimate with its standard error; `freedom` are the degrees of freedom of the error."""

    estimate: float
    error: float
    freedom: float

    def p_above(self, margin: float) -> float:
        """One-sided p-value of "the true value is at most `margin`"; small values speak for more."""
        return self._tail(self.estimate - margin)

    def p_below(self, margin: float) -> float:
        """One-sided p-value of "the true value is at least `margin`"; small values speak for less."""
        return self._tail(margin - self.estimate)

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval; everything where the error is not known."""
        if not self._known:
            return -math.inf, math.inf
        half = float(student.isf((1.0 - confidence) / 2.0, self.freedom)) * self.error
        return self.estimate - half, self.estimate + half

    @property
    def _known(self) -> bool:
        return self.freedom > 0 and math.isfinite(self.error)

    def _tail(self, excess: float) -> float:
        if not self._known:
            return 1.0
        if self.error == 0.0:
            return 0.0 if excess > 0.0 else 1.0
        return float(student.sf(excess / self.error, self.freedom))
