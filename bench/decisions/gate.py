# SPDX-License-Identifier: Apache-2.0
"""One rule of a gate: how often it passes a candidate of a known true difference."""

from bisect import bisect_left
from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, multinomial, norm

from bench.decisions.models import Labels, label_pair, loss_pair, rows_of
from bench.decisions.table import Cell, Simulation, Table
from mlops_operator.controllers.evaluation.policies.levels import pass_level
from mlops_workload.evidence import of_labels, of_losses
from mlops_workload.metrics import metric_named
from mlops_workload.metrics.losses import log_losses
from mlops_workload.paired import cells, code
from mlops_workload.predictions import Predictions
from mlops_workload.proportions import PairedProportions

LEVEL: Final = pass_level(0.95, 0)
SIZES: Final = (30, 100, 300, 1000)

Passes = Callable[[int, int, int], bool]
"""Whether a rule passes, from the number of rows, gains and losses."""


def levels(quick: bool) -> Table:
    """Exact levels of the paired test of accuracy."""
    shares = (0.011, 0.02, 0.05, 0.1, 0.2, 0.3) if not quick else (0.02,)
    rows: list[list[Cell]] = []
    for margin, n in product((0.0, -0.01, 0.01), (30, 100, 200, 300, 1000) if not quick else (30,)):
        ours = max(_exact(n, share, margin, LEVEL) for share in shares)
        plain = max(_exact(n, share, margin, LEVEL, correction=False) for share in shares)
        rows.append([margin, n, ours, plain])
    return Table(
        title="true level of the paired test of accuracy (nominal 0.025)",
        note="The chance that an improvement of more than the margin is shown where it is exactly the margin, summed "
        f"exactly over the trinomial distribution; the largest of discordances {', '.join(map(str, shares))}.",
        columns=("margin", "rows", "shipped test", "without continuity correction"),
        rows=rows,
    )


def accuracy(quick: bool) -> Table:
    """Shares of candidates that an accuracy rule passes, with popular rules."""
    gates = 200 if quick else 4000
    rules: dict[str, Passes] = {
        "shipped, change.min 0": partial(_shown, 0.0),
        "shipped, change.min -0.01": partial(_shown, -0.01),
        "percentile bootstrap >= 0": _percentile,
        "exact McNemar": lambda _, gains, losses: bool(binom.sf(gains - 1, gains + losses, 0.5) < LEVEL),
        "metric higher": lambda _, gains, losses: gains > losses,
    }
    generator = np.random.default_rng(1)
    rows: list[list[Cell]] = []
    for discordance, n, better in product((0.02, 0.08), SIZES, (0.0, -0.01, -0.05, 0.02)):
        total = max(discordance, abs(better))
        shares = [(total + better) / 2, (total - better) / 2, 1.0 - total]
        drawn, counts = np.unique(generator.multinomial(n, shares, gates), axis=0, return_counts=True)
        passed = [
            sum(int(count) for (g, low, _), count in zip(drawn, counts, strict=True) if rule(n, int(g), int(low)))
            for rule in rules.values()
        ]
        rows.append([discordance, n, better, *(count / gates for count in passed)])
    return Table(
        title="share of candidates that a rule on accuracy passes",
        note=f"{gates} gates a row. Discordance: share of rows on which exactly one of two equally good models is "
        "right.",
        columns=("discordance", "rows", "true difference", *rules),
        rows=rows,
    )


def macro(quick: bool) -> Table:
    """The same for means over classes."""
    gates = 20 if quick else 200
    generator = np.random.default_rng(2)
    rows: list[list[Cell]] = []
    for name, discordance, n in product(("balanced_accuracy", "f1_macro"), (0.02, 0.08), SIZES):
        cases = [(0.0, 0.0), (0.0, -0.01), (-0.01, -0.01), (-0.05, 0.0)]
        shares = {}
        for better in (0.0, -0.01, -0.05):
            margins = [margin for true, margin in cases if true == better]
            draw = partial(label_pair, generator, n, accuracy=0.9, discordance=discordance, better=better)
            shares[better] = _macro_shares(name, draw, margins, gates)
        higher = shares[0.0].pop()
        shares[-0.01].pop()
        worse = shares[-0.05].pop()
        rows.append([name, discordance, n, *shares[0.0], higher, *shares[-0.01], *shares[-0.05], worse])
    return Table(
        title="share of candidates that a rule on a mean over classes passes",
        note=f"{gates} gates a cell (standard error 0.011 at 0.025), classes of 70, 20 and 10 %, champion right in "
        "90 %. `0 at -0.01`: a true difference of 0 with change.min -0.01.",
        columns=(
            "metric",
            "discordance",
            "rows",
            "0 at 0",
            "0 at -0.01",
            "0, metric higher",
            "-0.01 at -0.01",
            "-0.05 at 0",
            "-0.05, metric higher",
        ),
        rows=rows,
    )


def losses(quick: bool) -> Table:
    """The same for a mean of row losses."""
    gates = 100 if quick else 2000
    generator = np.random.default_rng(3)
    rows: list[list[Cell]] = []
    for n in SIZES:
        shares: list[Cell] = []
        for better, margin in ((0.0, 0.0), (0.0, -0.01), (-0.01, -0.01), (-0.035, 0.0)):
            passed = higher = 0
            for _ in range(gates):
                pair = loss_pair(generator, n, better=better)
                candidate, baseline = (_row_losses(one) for one in (pair.candidate, pair.baseline))
                tests = of_losses(candidate, baseline, None)
                assert tests.difference is not None
                passed += tests.difference.p_below(-margin) < LEVEL
                higher += candidate.mean() < baseline.mean()
            shares += [passed / gates] if margin else [passed / gates, higher / gates]
        rows.append([n, *shares])
    return Table(
        title="share of candidates that a rule on log loss passes",
        note=f"{gates} gates a cell. Both models see the true logits with noise of their own; an improvement is a "
        "lower loss.",
        columns=(
            "rows",
            "0 at 0",
            "0, metric lower",
            "0 at -0.01",
            "-0.01 at -0.01",
            "-0.035 at 0",
            "-0.035, metric lower",
        ),
        rows=rows,
    )


def _macro_shares(
    name: str, draw: Callable[[], tuple[Labels, Labels, Labels]], margins: list[float], gates: int
) -> list[float]:
    """Share passed at each margin, and the share with a higher metric."""
    metric = metric_named(name)
    passed, higher = [0] * len(margins), 0
    for gate in range(gates):
        true, candidate, baseline = draw()
        coded = code(rows_of(true), candidate, baseline)
        tests = of_labels(metric, cells(coded, np.arange(len(true))), None, paired=True, seed=gate)
        assert tests.difference is not None
        assert tests.baseline is not None
        higher += tests.candidate > tests.baseline
        for position, margin in enumerate(margins):
            passed[position] += tests.difference.p_above(margin) < LEVEL
    return [count / gates for count in (*passed, higher)]


def _row_losses(predictions: Predictions) -> NDArray[np.float64]:
    assert predictions.columns is not None
    assert predictions.probabilities is not None
    return log_losses(predictions.columns, predictions.probabilities)


@cache
def _shown(margin: float, n: int, gains: int, losses: int) -> bool:
    return PairedProportions(n, gains, losses).p_above(margin) < LEVEL


@cache
def _percentile(n: int, gains: int, losses: int) -> bool:
    shares = [gains / n, losses / n, 1.0 - (gains + losses) / n]
    drawn = np.random.default_rng(7).multinomial(n, shares, 2000)
    return bool(np.quantile(drawn[:, 0] - drawn[:, 1], LEVEL) >= 0)


def _exact(n: int, discordance: float, margin: float, level: float, *, correction: bool = True) -> float:
    gain, loss = (discordance + margin) / 2, (discordance - margin) / 2
    spread = 6 * np.sqrt(n * discordance + 1) + 6
    counts = []
    for total in range(max(0, int(n * discordance - spread)), min(n, int(n * discordance + spread)) + 1):
        passes = partial(_passes, n, total, margin, level, correction=correction)
        least = bisect_left(range(total + 1), True, key=passes)
        counts += [[gains, total - gains, n - total] for gains in range(least, total + 1)]
    return float(multinomial.pmf(counts, n, [gain, loss, 1 - discordance]).sum()) if counts else 0.0


def _passes(n: int, total: int, margin: float, level: float, gains: int, *, correction: bool) -> bool:
    """Whether the test passes `gains` of `total` discordant rows; more gains never pass less."""
    losses = total - gains
    if correction:
        return PairedProportions(n, gains, losses).p_above(margin) < level
    linear = -gains - losses + (2 * n - gains + losses) * margin
    root = np.sqrt(max(linear**2 + 8.0 * n * losses * margin * (1.0 - margin), 0.0))
    variance = n * ((root - linear) / (2.0 * n) + margin * (1.0 - margin))
    return bool(variance > 0.0 and (gains - losses - n * margin) / np.sqrt(variance) > norm.isf(level))


SIMULATIONS: Final = (
    Simulation(name="levels", make=levels),
    Simulation(name="accuracy", make=accuracy),
    Simulation(name="macro", make=macro),
    Simulation(name="losses", make=losses),
)
