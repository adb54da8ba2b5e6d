# SPDX-License-Identifier: Apache-2.0
"""How often a monitor's limits raise a false alarm, and how often they miss a loss, beside usual rules.

Every figure of this operator comes from the functions with which it judges a window; scipy gives the
chance of the windows. A month is 720 hours. A figure "2 of 3" is that of a policy that trains after
two breached windows of the last three.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import expm1, log1p
from statistics import fmean
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.decisions import table as tables
from mlops_operator.api.modelmonitor import FalseAlarms, ReferenceWindow
from mlops_operator.controllers.modelmonitor.policies.budget import probability_per_window, windows_per_period
from mlops_operator.controllers.modelmonitor.policies.level import Level, level_of
from mlops_operator.controllers.modelmonitor.policies.limit import (
    TOGETHER,
    Sample,
    false_breach_probability,
    lower_limit,
)

BUDGET: Final = FalseAlarms()
SIZES: Final = {"5m": 300, "1h": 3600, "24h": 86400}
REFERENCES: Final = 200
"""References that the shares of a table are averaged over."""

WINDOWS: Final = 10
"""Windows of a reference, and windows within which a loss is to be found."""


def reference_windows(values: Sequence[float], n: int, generator: np.random.Generator) -> list[ReferenceWindow]:
    """Windows of n rows of a model whose true accuracies are `values`."""
    return [_window(right, n) for right in generator.binomial(n, values)]


def _window(right: int, n: int) -> ReferenceWindow:
    return ReferenceWindow(start="2026-01-01T00:00:00Z", value=right / n, n=n, effective=n)


def false_alarm_probability(level: Level, n: int, accuracy: float, probability: float) -> float:
    """Probability that a window of n rows breaches, after windows of the same n and accuracy.

    Exact: the right rows of the windows before are summed up over their binomial distribution.

    Args:
        probability: of a false breach that the rule aims at.
    """
    right = np.arange(n + 1)
    before = np.arange((TOGETHER - 1) * n + 1)
    chance = stats.binom.pmf(right, n, accuracy)
    chance_before = stats.binom.pmf(before, (TOGETHER - 1) * n, accuracy)
    total = 0.0
    for count in before[chance_before > 1e-12]:
        earlier = [Sample(count / before[-1], n)] * (TOGETHER - 1)
        limit = round(lower_limit(level, Sample(0.0, n), earlier, probability) * n, 6)
        total += chance_before[count] * chance[right < limit].sum()
    return float(total)


def false_alarm_share(level: Level, n: int, accuracy: float, size: int, probability: float | None = None) -> float:
    """Share of months with a breached window, for a model of this accuracy."""
    if probability is None:
        probability = probability_per_window(BUDGET, size=size)
    chance = false_alarm_probability(level, n, accuracy, probability)
    return float(-expm1(log1p(-chance) * windows_per_period(BUDGET, size=size)))


def missed_share(
    level: Level, n: int, size: int, generator: np.random.Generator, *, before: float, after: float, repeats: int
) -> tuple[float, float]:
    """Share of losses from accuracy `before` to `after` of which ten windows show nothing: none breached, and never two
    of three."""
    probability = probability_per_window(BUDGET, size=size)
    single = two_of_three = 0
    for _ in range(repeats):
        accuracies = [before] * (TOGETHER - 1) + [after] * WINDOWS
        samples = [Sample(right / n, n) for right in generator.binomial(n, accuracies)]
        breached = [
            samples[i].value < lower_limit(level, samples[i], samples[i - TOGETHER + 1 : i], probability) - 1e-12
            for i in range(TOGETHER - 1, len(samples))
        ]
        single += not any(breached)
        two_of_three += not _two_of_three(breached)
    return single / repeats, two_of_three / repeats


def _two_of_three(breached: Sequence[bool]) -> bool:
    return any(sum(breached[max(0, i - 2) : i + 1]) >= 2 for i in range(len(breached)))


# -- usual rules -----------------------------------------------------------------------------


class Rule(NamedTuple):
    """A rule for one window on its own: it is breached below `lower` and above `upper`."""

    name: str
    bounds: Callable[[Sequence[ReferenceWindow], float], tuple[float, float]]


def _sigmas(reference: Sequence[ReferenceWindow], _probability: float) -> tuple[float, float]:
    values = [window.value for window in reference]
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    return float(mean - 3 * deviation), float(mean + 3 * deviation)


def _t_interval(reference: Sequence[ReferenceWindow], probability: float) -> tuple[float, float]:
    values = [window.value for window in reference]
    factor = stats.t.ppf(probability, len(values) - 1) * np.sqrt(1 + 1 / len(values))
    return float(np.mean(values) + factor * np.std(values, ddof=1)), np.inf


def _minimum(value: float) -> Callable[[Sequence[ReferenceWindow], float], tuple[float, float]]:
    return lambda _reference, _probability: (value, np.inf)


RULES: Final = (
    Rule("mean +- 3 s of 10 windows", _sigmas),
    Rule("t prediction interval, one-sided", _t_interval),
    Rule("min 0.93", _minimum(0.93)),
    Rule("min 0.90", _minimum(0.90)),
)


def breach_probability(bounds: tuple[float, float], n: int, accuracy: float) -> float:
    """Probability that one window of n rows is outside of the bounds."""
    lower, upper = (bound * n for bound in bounds)
    below = stats.binom.cdf(np.ceil(round(lower, 6)) - 1, n, accuracy)
    above = 0.0 if np.isinf(upper) else stats.binom.sf(np.floor(round(upper, 6)), n, accuracy)
    return float(below + above)


def two_of_three(probability: float, windows: int) -> float:
    """Probability of two breached windows among three in a row, somewhere in a number of independent windows."""
    quiet, last, before_last = 1.0, 0.0, 0.0
    for _ in range(windows):
        quiet, last, before_last = (
            (quiet + before_last) * (1 - probability),
            quiet * probability,
            last * (1 - probability),
        )
    return 1 - quiet - last - before_last


# -- tables ----------------------------------------------------------------------------------


class Table(NamedTuple):
    """Rows of text under a header."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def limits(n: int, references: int, seed: int = 1) -> Table:
    """False alarms of a healthy accuracy of 0.95, and missed losses to 0.90."""
    generator = np.random.default_rng(seed)
    drawn = [reference_windows([0.95] * WINDOWS, n, generator) for _ in range(references)]
    rows: list[tuple[str, ...]] = []
    for name, size in SIZES.items():
        rows += [(name, rule.name, *_usual(rule, drawn, n, size)) for rule in RULES]
        levels = [level_of(reference) for reference in drawn]
        false = fmean([false_alarm_share(level, n, 0.95, size) for level in levels])
        missed = [missed_share(level, n, size, generator, before=0.95, after=0.90, repeats=5) for level in levels]
        ours = (_text(false), f"<= {_text(false)}", *(_text(fmean(shares)) for shares in zip(*missed, strict=True)))
        rows.append((name, "this operator: 1 % per 720h", *ours))
    header = (
        "window",
        "rule",
        "false a month, 1 window",
        "false a month, 2 of 3",
        "missed in 10, 1 window",
        "missed, 2 of 3",
    )
    return Table(f"Accuracy 0.95, {n} rows a window, reference of 10 windows; loss to 0.90", header, rows)


def _usual(rule: Rule, references: Sequence[Sequence[ReferenceWindow]], n: int, size: int) -> tuple[str, ...]:
    windows = round(windows_per_period(BUDGET, size=size))
    each = probability_per_window(BUDGET, size=size)
    bounds = [rule.bounds(reference, each) for reference in references]
    false = [breach_probability(found, n, 0.95) for found in bounds]
    found = [breach_probability(entry, n, 0.90) for entry in bounds]
    figures = (
        fmean([1 - (1 - chance) ** windows for chance in false]),
        fmean([two_of_three(chance, windows) for chance in false]),
        fmean([(1 - chance) ** WINDOWS for chance in found]),
        fmean([1 - two_of_three(chance, WINDOWS) for chance in found]),
    )
    return tuple(_text(figure) for figure in figures)


def sizes(references: int, seed: int = 2) -> Table:
    """False alarms where windows have other numbers of rows than those of the reference."""
    generator = np.random.default_rng(seed)
    rows: list[tuple[str, ...]] = []
    for reference_rows in (500, 5000):
        drawn = [reference_windows([0.95] * WINDOWS, reference_rows, generator) for _ in range(references)]
        for n in (500, 5000):
            usual = fmean([breach_probability(_sigmas(reference, 0.0), n, 0.95) for reference in drawn])
            ours = fmean([false_alarm_share(level_of(reference), n, 0.95, 300) for reference in drawn])
            rows.append((f"{reference_rows}", f"{n}", _text(usual), _text(1 - (1 - usual) ** 8640), _text(ours)))
    header = (
        "rows of the reference's windows",
        "rows",
        "3 s: false per window",
        "3 s: false a month",
        "this operator: false a month",
    )
    return Table("Accuracy 0.95, windows of 5 minutes of other sizes", header, rows)


def hard_cases(references: int, seed: int = 3) -> Table:
    """Near-perfect models, and references with bad windows."""
    generator = np.random.default_rng(seed)
    cases = {
        "accuracy 0.9995": ([0.9995] * WINDOWS, 0.9995, 0.97),
        "1 of 10 reference windows at 0.75": ([0.75] + [0.95] * 9, 0.95, 0.90),
        "3 of 10 reference windows at 0.75": ([0.75] * 3 + [0.95] * 7, 0.95, 0.90),
    }
    rows: list[tuple[str, ...]] = []
    for name, (values, healthy, worse) in cases.items():
        drawn = [reference_windows(values, 500, generator) for _ in range(references)]
        bounds = [_sigmas(reference, 0.0) for reference in drawn]
        usual_false = fmean([1 - (1 - breach_probability(found, 500, healthy)) ** 8640 for found in bounds])
        usual_missed = fmean([(1 - breach_probability(found, 500, worse)) ** WINDOWS for found in bounds])
        levels = [level_of(reference) for reference in drawn]
        false = fmean([false_alarm_share(level, 500, healthy, 300) for level in levels])
        missed = fmean(
            [missed_share(level, 500, 300, generator, before=healthy, after=worse, repeats=5)[0] for level in levels]
        )
        rows.append((name, f"{worse}", _text(usual_false), _text(usual_missed), _text(false), _text(missed)))
    header = (
        "case",
        "loss to",
        "3 s: false a month",
        "3 s: missed in 10",
        "this operator: false a month",
        "this operator: missed in 10",
    )
    return Table("Windows of 5 minutes, 500 rows", header, rows)


def gate(references: int) -> Table:
    """The first version of a Model, whose windows are compared with the figure of its gate.

    Exact but for tails: the right rows in the gate are summed up over their binomial distribution.
    """
    rows: list[tuple[str, ...]] = []
    for gate_rows in (200, 899, 5000):
        right = np.arange(gate_rows + 1)
        chances = stats.binom.pmf(right, gate_rows, 0.95)
        right = right[chances > (1e-2 if references < REFERENCES else 1e-5)]
        weights = chances[right] / chances[right].sum()
        passed = right >= round(0.95 * gate_rows)
        levels = [level_of([_window(int(count), gate_rows)]) for count in right]
        for name, size in SIZES.items():
            probability = false_breach_probability(BUDGET, size=size, of_gate=True)
            false = np.array([false_alarm_share(level, 500, 0.95, size, probability) for level in levels])
            found = np.array([_found_by_two(level, probability) for level in levels])
            lucky = float(weights[passed] @ false[passed] / weights[passed].sum())
            figures = (float(weights @ false), lucky, *(float(share) for share in weights @ found))
            rows.append((f"{gate_rows}", name, *(_text(figure) for figure in figures)))
    header = (
        "rows of the gate",
        "window",
        "false a month",
        "false a month, gate passed at 0.95",
        "loss to 0.80 found by the first window",
        "by the first two",
    )
    return Table("First version: accuracy 0.95 at the gate, windows of 500 rows", header, rows)


def _found_by_two(level: Level, probability: float) -> tuple[float, float]:
    """Probabilities that the first window of 500 rows breaches at an accuracy of 0.80, and that one of two does."""
    n = 500
    limit = lower_limit(level, Sample(0.0, n), (), probability)
    missed = 0.0
    for right in range(n + 1):
        chance = float(stats.binom.pmf(right, n, 0.80))
        if right / n < limit - 1e-12 or chance < 1e-9:
            continue
        second = lower_limit(level, Sample(0.0, n), [Sample(right / n, n)], probability)
        missed += chance * (1 - breach_probability((second, np.inf), n, 0.80))
    return breach_probability((limit, np.inf), n, 0.80), 1 - missed


def rhythm(references: int, seed: int = 4) -> Table:
    """A daily rhythm of the true accuracy, with the reference from consecutive windows or spread over 24 hours."""
    generator = np.random.default_rng(seed)
    rows: list[tuple[str, ...]] = []
    for amplitude in (0.0, 0.005, 0.01):
        for name, size in (("5m", 300), ("1h", 3600)):
            figures = [name, f"{amplitude}"]
            for spread in (False, True):
                step = 86400 / WINDOWS if spread else size
                shares = []
                for _ in range(references):
                    times = generator.random() * 86400 + step * np.arange(float(WINDOWS))
                    level = level_of(reference_windows(_daily(amplitude, times), 500, generator))
                    hours = _daily(amplitude, 3600.0 * np.arange(24.0))
                    aim = probability_per_window(BUDGET, size=size)
                    kept = [log1p(-false_alarm_probability(level, 500, accuracy, aim)) for accuracy in hours]
                    shares.append(-expm1(fmean(kept) * windows_per_period(BUDGET, size=size)))
                figures.append(_text(fmean(shares)))
            rows.append(tuple(figures))
    header = ("window", "amplitude", "false a month", "false a month with reference.per: 24h")
    return Table("Accuracy 0.95 with a daily rhythm, 500 rows a window", header, rows)


def _daily(amplitude: float, times: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in 0.95 + amplitude * np.sin(2 * np.pi * times / 86400)]


def _text(share: float) -> str:
    share = abs(share)  # no -0.0000
    return f"{share:.4f}" if share < 0.1 else f"{share:.2f}"


def _simulation(
    name: str, make: Callable[[int], Table], *, references: int = REFERENCES, note: str = ""
) -> tables.Simulation:
    note = note or f"{references} references drawn. A month is 720 hours; losses are missed in ten windows."

    def shown(quick: bool) -> tables.Table:
        found = make(2 if quick else references)
        return tables.Table(title=found.title, note=note, columns=found.header, rows=found.rows)

    return tables.Simulation(name=name, make=shown)


SIMULATIONS: Final = (
    *(_simulation(f"monitor-{n}", partial(limits, n)) for n in (200, 500, 2000)),
    _simulation("monitor-sizes", sizes),
    _simulation("monitor-hard-cases", hard_cases),
    _simulation("monitor-gate", gate, note="Summed exactly over the right rows in the gate. A month is 720 hours."),
    _simulation("monitor-rhythm", rhythm, references=REFERENCES // 4),
)
