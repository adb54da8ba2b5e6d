# SPDX-License-Identifier: Apache-2.0
"""Which challengers a gate lets through after a drift, on frozen rows and on recent ones, by the shipped functions.

The figures of docs/design/0016-recent-gate-data.md.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from mlops_contract.models.result import Result
from mlops_contract.requests.evaluation import MetricRequest
from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.judge import judge
from mlops_workload.comparison import compare_all
from mlops_workload.evaluate_result import result_counts, result_figures
from mlops_workload.holdout import Holdout
from mlops_workload.predictions import Predictions
from mlops_workload.rows import Rows

OLD, NEW = 8.0, 9.5
NOISE = 0.1
CHALLENGERS = 9
LEARNERS: tuple[Callable[[int], Any], ...] = (
    lambda seed: LogisticRegression(),
    lambda seed: DecisionTreeClassifier(max_depth=6, random_state=seed),
    lambda seed: RandomForestClassifier(40, min_samples_leaf=5, random_state=seed),
)


class Sample(NamedTuple):
    x: NDArray[np.float64]
    y: NDArray[np.int64]


def sea(generator: np.random.Generator, count: int, threshold: float) -> Sample:
    """W. N. Street and Y. Kim, A streaming ensemble algorithm (SEA), KDD 2001: the third feature has no meaning."""
    x = generator.uniform(0, 10, (count, 3))
    y = (x[:, 0] + x[:, 1] <= threshold).astype(np.int64)
    return Sample(x, np.where(generator.random(count) < NOISE, 1 - y, y))


def verdict(candidate: Any, champion: Any, rows: Sample) -> Verdict:
    """The gate `change: {min: 0}` on accuracy, as the Job measures and the operator decides it."""
    table = Rows(x=rows.x, y=rows.y, slices=np.full(len(rows.y), ""), labeled=np.ones(len(rows.y), dtype=np.bool_))
    answers = [Predictions(model.predict(rows.x)) for model in (candidate, champion)]
    compared = compare_all([MetricRequest(name="accuracy", change=0.0)], table, *answers, seed=1)
    result = Result(uid="run", metrics=result_figures(compared), counts=result_counts(table, compared))
    (status,) = judge([MetricRule.model_validate({"change": {"min": 0.0}})], result, with_baseline=True)
    return status.verdict


@pytest.fixture(scope="module")
def verdicts() -> dict[str, list[Verdict]]:
    generator = np.random.default_rng(11)
    before = sea(generator, 3000, OLD)
    champion = RandomForestClassifier(40, min_samples_leaf=5, random_state=1).fit(before.x, before.y)
    frozen = sea(generator, 1000, OLD)
    found: dict[str, list[Verdict]] = {"frozen": [], "recent": []}
    for number in range(CHALLENGERS):
        logged = sea(np.random.default_rng(100 + number), 3000, NEW)
        holdout = Holdout(key=f"model-{number}", share=0.2)
        held = np.asarray([holdout.holds(f"request-{row}") for row in range(len(logged.y))])
        challenger = LEARNERS[number % len(LEARNERS)](number).fit(logged.x[~held], logged.y[~held])
        found["frozen"].append(verdict(challenger, champion, frozen))
        found["recent"].append(verdict(challenger, champion, Sample(logged.x[held], logged.y[held])))
    return found


def test_frozen_rows_of_the_old_world_refuse_every_challenger_that_learned_the_change(
    verdicts: dict[str, list[Verdict]],
) -> None:
    assert verdicts["frozen"] == [Verdict.FAIL] * CHALLENGERS


def test_recent_rows_let_them_through(verdicts: dict[str, list[Verdict]]) -> None:
    assert verdicts["recent"] == [Verdict.PASS] * CHALLENGERS
