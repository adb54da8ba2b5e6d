# SPDX-License-Identifier: Apache-2.0
"""The beta-binomial distribution: the number of right rows in a window, given a reference.

If p has the distribution Beta(a, b) and a window has n independent rows of which each is right with
probability p, the number of right rows is beta-binomial (n, a, b). With a and b from a reference of
N rows (Jeffreys' prior adds half a row to both), its tails include the chance in the window and the
uncertainty of the reference, so they give prediction limits (Gelman et al., Bayesian Data Analysis,
3rd edition, section 2.4). It is never degenerate: a reference without a wrong row has b = 1/2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import exp, floor, fsum, lgamma, log
from typing import Final

NEGLIGIBLE: Final = 1e-12
"""A tail is summed up from where a term is this small against what is looked for."""


@dataclass(frozen=True)
class BetaBinomial:
    """Number of right rows among `n`."""

    n: int
    a: float
    b: float

    def log_probability(self, count: int) -> float:
        """Natural logarithm of P(X = count), for 0 <= count <= n."""
        n, a, b = self.n, self.a, self.b
        choices = lgamma(n + 1) - lgamma(count + 1) - lgamma(n - count + 1)
        return choices + _log_beta(count + a, n - count + b) - _log_beta(a, b)

    def below(self, count: int) -> float:
        """P(X < count)."""
        if count <= 0:
            return 0.0
        if count > self.n:
            return 1.0
        top = count - 1
        target = self.log_probability(top) if top <= self._mode() else 0.0
        return min(1.0, fsum(self.terms(self.start(target), top)))

    def limit(self, probability: float) -> int:
        """The largest count with P(X < count) <= probability."""
        return _limit(self, probability)

    def terms(self, first: int, last: int) -> Iterator[float]:
        """P(X = count) for `first` <= count <= `last`, each from the one before."""
        n, a, b = self.n, self.a, self.b
        term = exp(self.log_probability(first))
        for count in range(first, last + 1):
            yield term
            term *= (n - count) * (count + a) / ((count + 1) * (n - count - 1 + b))

    def start(self, target: float) -> int:
        """A count below which all terms together are negligible against exp(target)."""
        bound = target + log(NEGLIGIBLE) - log(self.n + 1)
        low, high = 0, self._mode()
        while low < high:
            middle = (low + high) // 2
            if self.log_probability(middle) < bound:
                low = middle + 1
            else:
                high = middle
        return low

    def _mode(self) -> int:
        """The count up to which the probabilities rise: where the ratio of neighboring terms falls below 1."""
        n, a, b = self.n, self.a, self.b
        if a + b <= 2:
            return 0
        return max(0, min(n, floor((n * (a - 1) + 1 - b) / (a + b - 2)) + 1))


@lru_cache(maxsize=1024)
def _limit(distribution: BetaBinomial, probability: float) -> int:
    # Windows of one monitor ask for the same few limits again and again.
    total = 0.0
    count = distribution.start(log(probability))
    for term in distribution.terms(count, distribution.n):
        total += term
        if total > probability:
            return count
        count += 1
    return distribution.n


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
