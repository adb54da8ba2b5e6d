# SPDX-License-Identifier: Apache-2.0
"""Results as the evaluation's judge writes them, for tests that have no data plane."""

from statistics import NormalDist

from mlops_contract import Count, Figure, rule_figure


def figures_of_rule(
    position: int,
    candidate: float,
    baseline: float | None = None,
    *,
    floor: float | None = None,
    change: float = 0.0,
    error: float = 0.005,
) -> dict[str, float]:
    """Figures of one rule, with p-values of normal theory at the standard error `error`."""
    normal = NormalDist()
    figures = {Figure.CANDIDATE: candidate}
    if floor is not None and candidate < floor:
        figures[Figure.P_BOUND] = normal.cdf((candidate - floor) / error)
    if baseline is not None:
        difference = candidate - baseline
        half = 1.96 * error
        figures |= {
            Figure.BASELINE: baseline,
            Figure.LOWER: difference - half,
            Figure.UPPER: difference + half,
            Figure.P_MORE: 1.0 - normal.cdf((difference - change) / error),
            Figure.P_LESS: normal.cdf((difference - change) / error),
        }
    return {rule_figure(position, name): float(f"{value:.10g}") for name, value in figures.items()}


def counts_of_rule(position: int, rows: int, *, rarest: int | None = None, discordant: int = 0) -> dict[str, int]:
    """Counts of one rule."""
    return {
        rule_figure(position, Count.ROWS): rows,
        rule_figure(position, Count.RAREST): rows if rarest is None else rarest,
        rule_figure(position, Count.DISCORDANT): discordant,
    }
