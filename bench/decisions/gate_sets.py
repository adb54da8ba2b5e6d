# SPDX-License-Identifier: Apache-2.0
"""Gates of several rules, gates on the same rows, dependent rows, and large data."""

import time
from typing import Final

import numpy as np

from bench.decisions.models import label_pair, rows_of
from bench.decisions.table import Cell, Simulation, Table
from mlops_contract.models.result import Result
from mlops_contract.requests.evaluation import MetricRequest
from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.combine import combine
from mlops_operator.controllers.evaluation.policies.judge import judge
from mlops_operator.controllers.evaluation.policies.levels import pass_level
from mlops_workload.comparison import Comparison, compare_all
from mlops_workload.evaluate_result import result_counts, result_figures
from mlops_workload.predictions import Predictions
from mlops_workload.proportions import PairedProportions

LEVEL: Final = pass_level(0.95, 0)
NO_ROWS: Final = rows_of(np.zeros(0, dtype=np.int64))


def rules(quick: bool) -> Table:
    """Verdicts of gates with one to twelve rules, for an equal candidate."""
    gates = 20 if quick else 400
    generator = np.random.default_rng(11)
    rows: list[list[Cell]] = []
    for count, better in ((1, 0.0), (4, 0.0), (12, 0.0), (12, -0.05)):
        names = [f"s{number}" for number in range(count)]
        asked = [MetricRule.model_validate({"slice": name, "change": {"min": 0.0}}) for name in names]
        requests = [MetricRequest(name="accuracy", slice=name, change=0.0) for name in names]
        fails = plain = 0
        for _ in range(gates):
            true, candidate, baseline = label_pair(
                generator, 300 * count, accuracy=0.9, discordance=0.08, better=better
            )
            data = rows_of(true, slices=np.repeat(names, 300))
            found = compare_all(requests, data, Predictions(candidate), Predictions(baseline), seed=0)
            fails += _verdict(asked, found) is Verdict.FAIL
            plain += any(one.p_less is not None and one.p_less < LEVEL for one in found)
        rows.append([count, better, fails / gates, plain / gates])
    return Table(
        title="share of candidates that a gate rejects permanently",
        note=f"{gates} gates a row, slices of 300 rows, accuracy 0.9, discordance 0.08, change.min 0.",
        columns=("rules", "true difference", "shipped `Fail`", "any interval below 0"),
        rows=rows,
    )


def sequence(quick: bool) -> Table:
    """Challengers of equal skill, one after the other on the same rows."""
    repetitions = 50 if quick else 2000
    generator = np.random.default_rng(12)
    rows: list[list[Cell]] = []
    for n in (300, 1000, 5000):
        lucky = [0, 0, 0]
        for _ in range(repetitions):
            drawn = generator.multinomial(n, [0.04, 0.04, 0.92], 30)
            p_values = [PairedProportions(n, int(g), int(low)).p_above(0.0) for g, low, _ in drawn]
            lucky[0] += any(p < pass_level(0.95, before) for before, p in enumerate(p_values))
            lucky[1] += any(p < LEVEL for p in p_values)
            lucky[2] += any(g > low for g, low, _ in drawn)
        rows.append([n, *(count / repetitions for count in lucky)])
    return Table(
        title="share of sequences of 30 equal challengers in which one is promoted by luck",
        note=f"{repetitions} sequences a row, discordance 0.08, change.min 0.",
        columns=("rows", "shipped: j-th gate at level / j^2", "every gate at the level", "metric higher"),
        rows=rows,
    )


def groups(quick: bool) -> Table:
    """Rows of users that differ."""
    gates = 50 if quick else 1000
    generator = np.random.default_rng(13)
    rows: list[list[Cell]] = []
    for users, each in ((30, 10), (100, 10), (300, 10), (100, 1)):
        passed, covered = {True: 0, False: 0}, {True: 0, False: 0}
        for _ in range(gates):
            sign = np.repeat(generator.choice([-1, 0, 1], users, p=[0.08, 0.84, 0.08]), each)
            true = np.ones(users * each, dtype=np.int64)
            for grouped in passed:
                data = rows_of(true, groups=np.repeat(np.arange(users), each) if grouped else None)
                candidate, baseline = (Predictions((side >= 0).astype(np.int64)) for side in (sign, -sign))
                request = MetricRequest(name="accuracy", change=0.0)
                (found,) = compare_all([request], data, candidate, baseline, seed=0)
                passed[grouped] += found.p_more is not None and found.p_more < LEVEL
                covered[grouped] += (
                    found.lower is not None and found.upper is not None and found.lower <= 0 <= found.upper
                )
        rows.append(
            [
                users,
                each,
                *(passed[way] / gates for way in (True, False)),
                *(covered[way] / gates for way in (True, False)),
            ]
        )
    return Table(
        title="rows that depend on each other: equal models passed, and coverage of the 0.95 interval",
        note=f"{gates} gates a row. For 8 % of users all rows are gains, for 8 % losses.",
        columns=(
            "users",
            "rows each",
            "passed, group declared",
            "passed, not declared",
            "coverage, declared",
            "coverage, not",
        ),
        rows=rows,
    )


def speed(quick: bool) -> Table:
    """Time of one rule at 1,000,000 rows."""
    n = 10_000 if quick else 1_000_000
    generator = np.random.default_rng(14)
    true = generator.choice(10, n)
    answers = [np.where(generator.random(n) < 0.9, true, generator.choice(10, n)) for _ in range(2)]
    shares = generator.dirichlet(np.ones(10), n)
    rows: list[list[Cell]] = []
    for name in ("accuracy", "balanced_accuracy", "f1_macro", "log_loss"):
        cost: list[Cell] = []
        for text in (False, True):
            data = rows_of(true)
            data = data._replace(y=true.astype(np.str_)) if text else data
            models = [Predictions(a.astype(np.str_) if text else a, shares, true.astype(np.int64)) for a in answers]
            begin = time.process_time()
            compare_all([MetricRequest(name=name, change=0.0)], data, models[0], models[1], seed=0)
            cost.append(round(time.process_time() - begin, 2))
        rows.append([name, n, *cost])
    return Table(
        title="CPU seconds of one rule with 2,000 resamples",
        note="Ten classes, two models that are right in 91 %. Accuracy and log loss need no resampling.",
        columns=("metric", "rows", "integer labels", "text labels"),
        rows=rows,
    )


def _verdict(asked: list[MetricRule], found: list[Comparison]) -> Verdict:
    result = Result(uid="u", metrics=result_figures(found), counts=result_counts(NO_ROWS, found))
    return combine(status.verdict for status in judge(asked, result, with_baseline=True))


SIMULATIONS: Final = (
    Simulation(name="rules", make=rules),
    Simulation(name="sequence", make=sequence),
    Simulation(name="groups", make=groups),
    Simulation(name="speed", make=speed),
)
