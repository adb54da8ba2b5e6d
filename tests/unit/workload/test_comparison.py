# SPDX-License-Identifier: Apache-2.0
"""Rules computed on rows of two models: levels by simulation, groups, classes, direction."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlops_contract.requests.evaluation import MetricRequest
from mlops_workload.comparison import Comparison, compare_all
from mlops_workload.errors import MetricInvalidError
from mlops_workload.predictions import Predictions
from mlops_workload.rows import Rows

Labels = NDArray[np.int64]
LEVEL = 0.025


def rows_of(y: NDArray[Any], *, slices: Any = None, groups: Any = None, labeled: Any = None) -> Rows:
    count = len(y)
    return Rows(
        x=np.zeros((count, 0)),
        y=y,
        slices=np.full(count, "") if slices is None else np.asarray(slices),
        labeled=np.ones(count, dtype=np.bool_) if labeled is None else np.asarray(labeled),
        groups=None if groups is None else np.asarray(groups, dtype=np.str_),
    )


def compared(name: str, rows: Rows, candidate: Labels, baseline: Labels | None = None, **rule: Any) -> Comparison:
    request = MetricRequest(name=name, **rule)
    other = None if baseline is None else Predictions(baseline)
    return compare_all([request], rows, Predictions(candidate), other, seed=1)[0]


def pair(generator: np.random.Generator, n: int, *, discordance: float, worse: float) -> tuple[Labels, Labels, Labels]:
    """Truth, candidate and baseline of three classes (70, 20, 10 %); the baseline is right in 90 %."""
    true = generator.choice(3, n, p=[0.7, 0.2, 0.1])
    uniform = generator.random(n)
    gain, loss = (discordance - worse) / 2, (discordance + worse) / 2
    base_right = uniform < 0.9
    right = np.where(base_right, uniform < 0.9 - loss, uniform < 0.9 + gain)
    wrong = (true + generator.integers(1, 3, n)) % 3
    return true, np.where(right, true, wrong), np.where(base_right, true, wrong)


@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro"])
@pytest.mark.parametrize(("n", "gates"), [(30, 200), (300, 200)])
@pytest.mark.parametrize("discordance", [0.02, 0.08])
def test_equal_models_pass_in_at_most_the_stated_share(name: str, n: int, gates: int, discordance: float) -> None:
    generator = np.random.default_rng(n)
    passed = 0
    for _ in range(gates):
        true, candidate, baseline = pair(generator, n, discordance=discordance, worse=0.0)
        found = compared(name, rows_of(true), candidate, baseline, change=0.0)
        assert found.p_more is not None
        passed += found.p_more < LEVEL
    # Three standard errors of a share of 2.5 %
    assert passed / gates <= LEVEL + 3 * (LEVEL * (1 - LEVEL) / gates) ** 0.5


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro"])
@pytest.mark.parametrize("n", [30, 100])
def test_a_model_worse_by_the_allowed_loss_passes_in_at_most_the_stated_share(name: str, n: int) -> None:
    generator = np.random.default_rng(n)
    passed = 0
    for _ in range(200):
        true, candidate, baseline = pair(generator, n, discordance=0.02, worse=0.01)
        found = compared(name, rows_of(true), candidate, baseline, change=-0.01)
        assert found.p_more is not None
        passed += found.p_more < LEVEL
    assert passed / 200 <= LEVEL + 3 * (LEVEL * (1 - LEVEL) / 200) ** 0.5


@pytest.mark.parametrize("n", [30, 100, 300])
@pytest.mark.parametrize("margin", [0.0, -0.01])
def test_a_loss_equal_in_expectation_passes_in_at_most_the_stated_share(n: int, margin: float) -> None:
    # Losses of calibrated models: -log of a probability around 0.8, the candidate's with noise of its own
    generator = np.random.default_rng(n)
    passed, gates = 0, 1000
    for _ in range(gates):
        true = np.zeros(n, dtype=np.int64)
        logits = generator.normal(2.0, 1.0, n)
        probabilities = [
            1.0 / (1.0 + np.exp(-(logits + generator.normal(0.0, 0.3, n)))) * scale for scale in (np.exp(margin), 1.0)
        ]
        candidate, baseline = (
            Predictions(true, np.stack([share, 1 - share], axis=1), np.zeros(n, dtype=np.int64))
            for share in probabilities
        )
        request = MetricRequest(name="log_loss", change=margin)
        (found,) = compare_all([request], rows_of(true), candidate, baseline, seed=1)
        assert found.p_more is not None
        passed += found.p_more < LEVEL
    assert passed / gates <= LEVEL + 3 * (LEVEL * (1 - LEVEL) / gates) ** 0.5


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro"])
@pytest.mark.parametrize("n", [30, 300, 3000])
@pytest.mark.parametrize("grouped", [False, True])
def test_the_same_answers_never_pass(name: str, n: int, grouped: bool) -> None:
    true, candidate, _ = pair(np.random.default_rng(1), n, discordance=0.02, worse=0.0)
    rows = rows_of(true, groups=np.arange(n) // 3 if grouped else None)
    found = compared(name, rows, candidate, candidate, change=0.0)
    assert found.p_more is not None
    assert found.lower is not None
    assert (found.p_more >= 0.5, found.lower < 0.0, found.discordant) == (True, True, 0)


def test_groups_of_rows_count_as_one_observation_each() -> None:
    # 100 users of 10 rows; the models differ by user, and are equal on the whole
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(100), 10)
    passed = {True: 0, False: 0}
    gates = 200
    for _ in range(gates):
        better = np.repeat(generator.choice([-1, 0, 1], 100, p=[0.1, 0.8, 0.1]), 10)
        candidate, baseline = (better >= 0).astype(np.int64), (better <= 0).astype(np.int64)
        true = np.ones(1000, dtype=np.int64)
        for grouped in passed:
            found = compared("accuracy", rows_of(true, groups=groups if grouped else None), candidate, baseline)
            assert found.p_more is not None
            passed[grouped] += found.p_more < LEVEL
    assert passed[False] / gates > 0.15
    assert passed[True] / gates <= LEVEL + 3 * (LEVEL * (1 - LEVEL) / gates) ** 0.5


def test_rows_written_many_times_show_no_more_than_once_where_the_group_says_so() -> None:
    true, candidate, baseline = pair(np.random.default_rng(8), 30, discordance=0.3, worse=-0.2)
    many = [np.tile(labels, 40) for labels in (true, candidate, baseline)]
    grouped = compared("accuracy", rows_of(many[0], groups=np.tile(np.arange(30), 40)), many[1], many[2])
    plain = compared("accuracy", rows_of(many[0]), many[1], many[2])
    assert plain.lower is not None
    assert grouped.lower is not None
    assert (plain.lower > 0.0, grouped.lower < 0.0) == (True, True)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro"])
def test_a_single_group_shows_nothing(name: str) -> None:
    true, candidate, baseline = pair(np.random.default_rng(1), 300, discordance=0.2, worse=-0.15)
    found = compared(name, rows_of(true, groups=np.zeros(300)), candidate, baseline, min=0.99)
    assert (found.p_more, found.p_less, found.p_bound) == (1.0, 1.0, 1.0)


def test_the_rarest_class_is_that_of_all_data_and_not_of_the_slice() -> None:
    true = np.array([0] * 50 + [1] * 30 + [2] * 20)
    slices = np.array(["a"] * 80 + ["b"] * 20)
    rows = rows_of(true, slices=slices)
    assert compared("balanced_accuracy", rows, true).rarest == 20
    assert compared("balanced_accuracy", rows, true, slice="a").rarest == 0
    assert compared("balanced_accuracy", rows, true, slice="a").candidate == 1.0


@pytest.mark.parametrize("by_candidate", [False, True])
def test_a_label_that_no_row_truly_has_is_a_class_without_rows_for_f1(by_candidate: bool) -> None:
    true = np.array([0, 0, 1, 1] * 10)
    said = np.array([0, 9, 1, 1] + [0, 0, 1, 1] * 9)
    models = (said, true) if by_candidate else (true, said)
    assert compared("f1_macro", rows_of(true), *models).rarest == 0
    assert compared("balanced_accuracy", rows_of(true), *models).rarest == 20
    # Where no row of the slice has such a prediction, it is no class of the slice.
    slices = np.array(["a"] * 4 + ["b"] * 36)
    assert compared("f1_macro", rows_of(true, slices=slices), *models, slice="b").rarest == 18


def test_unlabeled_rows_count_nowhere() -> None:
    rows = rows_of(np.array([1, 1, 0]), labeled=[True, True, False])
    found = compared("accuracy", rows, np.array([1, 0, 1]), np.array([1, 1, 1]))
    assert (found.rows, found.rarest, found.discordant, found.candidate) == (2, 2, 1, 0.5)


def test_a_lower_loss_is_the_improvement() -> None:
    true = np.zeros(100, dtype=np.int64)
    shares = np.random.default_rng(1).uniform(0.5, 0.6, 100)
    unsure = Predictions(true, np.stack([shares, 1 - shares], axis=1), true)
    sure = Predictions(true, np.tile([0.9, 0.1], (100, 1)), true)
    request = MetricRequest(name="log_loss", change=0.1)
    (better,) = compare_all([request], rows_of(true), sure, unsure, seed=1)
    (worse,) = compare_all([request], rows_of(true), unsure, sure, seed=1)
    assert better.p_more is not None
    assert worse.p_more is not None
    assert worse.p_less is not None
    assert (better.p_more < 1e-6, worse.p_more > 0.999, worse.p_less < 1e-6) == (True, True, True)
    assert better.upper is not None
    assert better.upper < -0.1


@pytest.mark.parametrize(("minimum", "outside"), [(0.79, False), (0.8, False), (0.81, True)])
def test_a_bound_has_a_p_value_only_where_the_value_breaks_it(minimum: float, outside: bool) -> None:
    true = np.ones(100, dtype=np.int64)
    said = np.array([1] * 80 + [0] * 20)
    assert (compared("accuracy", rows_of(true), said, min=minimum).p_bound is not None) is outside


@pytest.mark.parametrize(("maximum", "outside"), [(0.81, False), (0.8, False), (0.79, True)])
def test_a_value_above_its_maximum_has_a_p_value_too(maximum: float, outside: bool) -> None:
    true = np.ones(100, dtype=np.int64)
    said = np.array([1] * 80 + [0] * 20)
    assert (compared("accuracy", rows_of(true), said, max=maximum).p_bound is not None) is outside


def test_a_value_below_its_minimum_by_chance_is_not_significant() -> None:
    # A true accuracy of exactly the minimum is below it in half of the gates, significantly in at most 5 %
    generator = np.random.default_rng(2)
    true = np.ones(300, dtype=np.int64)
    below = significant = 0
    for _ in range(400):
        found = compared("accuracy", rows_of(true), (generator.random(300) < 0.9).astype(np.int64), min=0.9)
        below += found.p_bound is not None
        significant += found.p_bound is not None and found.p_bound < 0.05
    assert below > 150
    assert significant / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_probabilities_that_are_not_given_are_an_error_that_names_the_model() -> None:
    true = np.zeros(3, dtype=np.int64)
    with pytest.raises(MetricInvalidError, match="the candidate gives none"):
        compared("log_loss", rows_of(true), true)
