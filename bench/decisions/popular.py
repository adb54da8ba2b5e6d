# SPDX-License-Identifier: Apache-2.0
"""Rules that others use, as they document them, on healthy data."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2, false_discovery_control, ks_2samp

from bench.decisions.table import Cell, Simulation, Table

COLUMNS: Final = 20
BINS: Final = 10


def canaries(quick: bool) -> Table:
    """Rollback of a healthy version by counters of failed checks; exact, so `quick` changes nothing."""
    del quick
    rows: list[list[Cell]] = []
    for noise, checks in ((0.02, 240), (0.01, 1440)):
        rows.append(
            [
                noise,
                checks,
                float(binom.sf(4, checks, noise)),
                float(binom.sf(0, min(checks, 60), noise)),
                _k_of_n(noise, checks, failures=3, window=5),
            ]
        )
    return Table(
        title="chance that a healthy canary is rolled back by single noisy checks",
        note="Exact. A counter adds up over the whole run, as in Flagger; a limit of 0 is that of Argo Rollouts.",
        columns=("noise", "checks", "counter, threshold 5", "failureLimit 0, 60 checks", "3 of the last 5"),
        rows=rows,
    )


def drift(quick: bool) -> Table:
    """False alarms of drift rules on 20 columns that do not drift, and alarms for a shift of one."""
    repetitions = 10 if quick else 200
    generator = np.random.default_rng(21)
    rows: list[list[Cell]] = []
    for n in (50, 500, 5000):
        for shift in (0.0, 0.2):
            alarms = np.zeros(5)
            for _ in range(repetitions):
                reference, window = generator.normal(size=(2, COLUMNS, n))
                window[0] += shift
                alarms += _alarms(reference, window)
            rows.append([n, shift, *(float(share) for share in alarms / repetitions)])
    return Table(
        title=f"share of windows with an alarm in any of {COLUMNS} columns",
        note=f"{repetitions} windows a row, reference and window of the same number of rows, normal data; a shift "
        "moves one column by that many standard deviations. PSI uses deciles of the reference.",
        columns=(
            "rows",
            "shift",
            "PSI > 0.1",
            "PSI > 0.25",
            "PSI > critical value",
            "KS p < 0.05",
            "KS, Benjamini-Hochberg",
        ),
        rows=rows,
    )


def _alarms(reference: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    n = reference.shape[1]
    psi = np.array([_psi(a, b) for a, b in zip(reference, window, strict=True)])
    critical = 2.0 / n * chi2.isf(0.05 / COLUMNS, BINS - 1)
    p_values = np.array([ks_2samp(a, b).pvalue for a, b in zip(reference, window, strict=True)])
    adjusted = false_discovery_control(p_values)
    return np.array(
        [
            (psi > 0.1).any(),
            (psi > 0.25).any(),
            (psi > critical).any(),
            (p_values < 0.05).any(),
            (adjusted < 0.05).any(),
        ],
        dtype=np.float64,
    )


def _psi(reference: NDArray[np.float64], window: NDArray[np.float64]) -> float:
    edges = np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1])
    expected, actual = (
        np.maximum(np.bincount(np.searchsorted(edges, values), minlength=BINS), 0.5) / len(values)
        for values in (reference, window)
    )
    return float(((actual - expected) * np.log(actual / expected)).sum())


def _k_of_n(noise: float, checks: int, *, failures: int, window: int) -> float:
    """Chance that some `window` checks in a row hold `failures` failed ones, by the chain of the last results."""
    chances = {(0,) * window: 1.0}
    stopped = 0.0
    for _ in range(checks):
        following: dict[tuple[int, ...], float] = {}
        for last, chance in chances.items():
            for failed, probability in ((1, noise), (0, 1.0 - noise)):
                now = (*last[1:], failed)
                if sum(now) >= failures:
                    stopped += chance * probability
                else:
                    following[now] = following.get(now, 0.0) + chance * probability
        chances = following
    return stopped


SIMULATIONS: Final = (Simulation(name="canaries", make=canaries), Simulation(name="drift", make=drift))
