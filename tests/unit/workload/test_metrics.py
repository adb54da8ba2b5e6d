# SPDX-License-Identifier: Apache-2.0
"""Our metrics agree with scikit-learn's."""

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_contract.requests.evaluation import MetricRequest
from mlops_operator.api.metrics import METRICS as FACTS
from mlops_operator.api.metrics import Direction, MetricFacts
from mlops_workload.comparison import compare_all
from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.metrics import METRICS, counted, metric_named
from mlops_workload.metrics.counted import Answers
from mlops_workload.metrics.losses import log_losses
from mlops_workload.outcomes import Outcomes
from mlops_workload.predictions import Predictions
from mlops_workload.rows import Rows

SCIKIT_LEARNS = {
    "accuracy": sklearn.metrics.accuracy_score,
    "balanced_accuracy": sklearn.metrics.balanced_accuracy_score,
    "f1_macro": lambda true, said: sklearn.metrics.f1_score(true, said, average="macro", zero_division=0),
}

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40)
"""True label, and the answers of two models, which may be labels that no row truly has."""


def expected(name: str, true: NDArray[Any], said: NDArray[Any]) -> float:
    with warnings.catch_warnings():
        # scikit-learn remarks that predictions hold classes that no label has: the case is meant.
        warnings.simplefilter("ignore", UserWarning)
        return float(SCIKIT_LEARNS[name](true, said))


@settings(max_examples=60, deadline=None)
@example([(0, 5, 0), (0, 6, 0), (1, 1, 1)])
@given(ROWS)
def test_gates_and_monitors_measure_what_scikit_learn_does(drawn: list[tuple[int, int, int]]) -> None:
    true, candidate, baseline = (np.array(column) for column in zip(*drawn, strict=True))
    pairs = list(zip(true.tolist(), candidate.tolist(), strict=True))
    for name in SCIKIT_LEARNS:
        wanted = pytest.approx(expected(name, true, candidate), abs=1e-12)
        assert Outcomes.of(pairs).figures([metric_named(name)], seed="s")[name] == wanted
        for text in (False, True):
            y, one, other = (column.astype(str) if text else column for column in (true, candidate, baseline))
            rows = Rows(x=np.zeros((len(y), 0)), y=y, slices=np.full(len(y), ""), labeled=np.full(len(y), True))
            (found,) = compare_all([MetricRequest(name=name)], rows, Predictions(one), Predictions(other), seed=1)
            assert found.candidate == wanted
            assert found.baseline == pytest.approx(expected(name, true, baseline), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_a_metric_of_resamples_is_that_of_each_resample(drawn: list[tuple[int, int, int]], data: st.DataObject) -> None:
    counts = st.lists(st.integers(0, 3), min_size=len(drawn), max_size=len(drawn)).filter(any)
    weights = np.array(data.draw(st.lists(counts, min_size=1, max_size=4)))
    true, said, _ = (np.array(column) for column in zip(*drawn, strict=True))
    for name in SCIKIT_LEARNS:
        of_counts = metric_named(name).of_counts
        assert of_counts is not None
        wanted = [expected(name, np.repeat(true, times), np.repeat(said, times)) for times in weights]
        found = of_counts(weights.astype(float), Answers(true, said, 7))
        assert found.tolist() == pytest.approx(wanted, abs=1e-12)


def test_many_classes_give_the_same_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    true, said = generator.integers(0, 20, 300), generator.integers(0, 25, 300)
    of_counts = metric_named("f1_macro").of_counts
    assert of_counts is not None
    dense = of_counts(np.ones((1, 300)), Answers(true, said, 25))
    monkeypatch.setattr(counted, "MAX_DENSE", 0)
    assert of_counts(np.ones((1, 300)), Answers(true, said, 25)).tolist() == pytest.approx(dense.tolist(), abs=1e-12)


def test_log_loss_equals_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.ones(4), size=300)
    true = generator.integers(0, 4, 300)
    wanted = sklearn.metrics.log_loss(true, probabilities, labels=[0, 1, 2, 3])
    assert log_losses(true, probabilities).mean() == pytest.approx(wanted, abs=1e-12)


def test_a_class_the_model_does_not_know_has_probability_zero() -> None:
    sure = np.array([[1.0, 0.0]])
    assert log_losses(np.array([-1]), sure).tolist() == pytest.approx([-np.log(np.finfo(float).eps)])


def test_the_operators_table_of_metrics_is_that_of_the_functions() -> None:
    assert {
        name: MetricFacts(Direction(metric.direction.value), metric.proportion, metric.macro, metric.of_probabilities)
        for name, metric in METRICS.items()
    } == {name.value: facts for name, facts in FACTS.items()}


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationInvalidError, match="accuracy"):
        metric_named("acuracy")
