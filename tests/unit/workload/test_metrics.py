"""Our metrics agree with scikit-learn's."""

import warnings

import numpy as np
import pytest
import sklearn.metrics

from mlops_operator.api.metrics import METRICS as FACTS
from mlops_operator.api.metrics import Direction, MetricFacts
from mlops_workload.errors import MetricInvalidError
from mlops_workload.metrics import METRICS, metric_named
from mlops_workload.metrics.counted import Answers

LABEL_METRICS = {
    "accuracy": sklearn.metrics.accuracy_score,
    "balanced_accuracy": sklearn.metrics.balanced_accuracy_score,
    "f1_macro": lambda true, said: sklearn.metrics.f1_score(true, said, average="macro", zero_division=0),
}


@pytest.mark.parametrize("name", LABEL_METRICS)
@pytest.mark.parametrize("classes", [2, 10])
def test_metrics_of_labels_equal_scikit_learns(name: str, classes: int) -> None:
    generator = np.random.default_rng(classes)
    for size in (1, 2, 5, 50, 500):
        true = generator.integers(0, classes, size)
        said = np.where(generator.random(size) < 0.7, true, generator.integers(0, classes, size))
        with warnings.catch_warnings():
            # scikit-learn remarks that predictions hold classes that no label has: the case is meant.
            warnings.simplefilter("ignore", UserWarning)
            expected = LABEL_METRICS[name](true, said)
        assert metric_named(name).function(true, said) == pytest.approx(expected, abs=1e-12)
        text = metric_named(name).function(true.astype(str), said.astype(str))
        assert text == pytest.approx(expected, abs=1e-12)


def test_log_loss_equals_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.ones(4), size=300)
    true = generator.integers(0, 4, 300)
    expected = sklearn.metrics.log_loss(true, probabilities, labels=[0, 1, 2, 3])
    assert metric_named("log_loss").function(true, probabilities) == pytest.approx(expected, abs=1e-12)


def test_a_class_the_model_does_not_know_has_probability_zero() -> None:
    sure = np.array([[1.0, 0.0]])
    assert metric_named("log_loss").function(np.array([-1]), sure) == pytest.approx(-np.log(np.finfo(float).eps))


@pytest.mark.parametrize("name", LABEL_METRICS)
@pytest.mark.parametrize("classes", [2, 10])
def test_metrics_of_counts_equal_scikit_learns(name: str, classes: int) -> None:
    of_counts = metric_named(name).of_counts
    assert of_counts is not None
    generator = np.random.default_rng(classes)
    for size in (1, 5, 50, 500):
        true = generator.integers(0, classes, size)
        said = np.where(generator.random(size) < 0.7, true, generator.integers(0, classes + 1, size))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            expected = LABEL_METRICS[name](true, said)
        if name == "f1_macro":
            # The classes are those that are true somewhere; another answer is an error of the true class alone.
            expected = sklearn.metrics.f1_score(true, said, labels=np.unique(true), average="macro", zero_division=0)
        found = of_counts(np.ones((1, size)), Answers(true, said, classes))
        assert found.tolist() == pytest.approx([expected], abs=1e-12)


def test_the_operators_table_of_metrics_is_that_of_the_functions() -> None:
    assert {
        name: MetricFacts(Direction(metric.direction.value), metric.proportion, metric.macro, metric.of_probabilities)
        for name, metric in METRICS.items()
    } == {name.value: facts for name, facts in FACTS.items()}


@pytest.mark.parametrize("name", METRICS)
def test_no_rows_have_no_metric(name: str) -> None:
    with pytest.raises(MetricInvalidError, match="at least one"):
        metric_named(name).function(np.array([]), np.array([]))


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(MetricInvalidError, match="accuracy"):
        metric_named("acuracy")
