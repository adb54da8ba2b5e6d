# SPDX-License-Identifier: Apache-2.0
"""Figures from the cells of a confusion matrix, against the rows themselves and repeated windows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_workload.metrics import metric_named
from mlops_workload.outcomes import Outcomes

METRICS = [metric_named(name) for name in ("accuracy", "balanced_accuracy", "f1_macro")]
LABELS = st.integers(0, 3) | st.sampled_from(["a", "b", True, 1.5, 10**400])
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_cells_give_the_figures_of_the_rows(pairs: list[tuple[Any, Any]]) -> None:
    outcomes = Outcomes.of(pairs)
    figures = outcomes.figures(METRICS, seed="s")
    assert figures["accuracy"] == pytest.approx(np.mean([true == said for true, said in pairs]))
    assert all(figures[f"{metric.name}.se"] > 0 for metric in METRICS)
    assert outcomes.rows == len(pairs)


def test_no_rows_have_no_figures() -> None:
    assert Outcomes.of([]).figures(METRICS, seed="s") == {}
    assert Outcomes.of([]).rarest(METRICS) == {}


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro"])
def test_the_standard_error_is_that_of_repeated_windows(name: str) -> None:
    generator = np.random.default_rng(5)
    metric = metric_named(name)

    def window() -> list[tuple[int, int]]:
        true = generator.choice(3, size=1000, p=[0.7, 0.2, 0.1])
        said = np.where(generator.random(1000) < 0.9, true, (true + 1) % 3)
        return list(zip(true.tolist(), said.tolist(), strict=True))

    seen = [Outcomes.of(window()).figures([metric], seed=str(number)) for number in range(60)]
    spread = np.std([figures[name] for figures in seen], ddof=1)
    errors = np.mean([figures[f"{name}.se"] for figures in seen])
    # The spread of 60 windows is known to 9 %.
    assert errors == pytest.approx(spread, rel=0.3)


def test_a_perfect_window_has_a_standard_error() -> None:
    figures = Outcomes.of([(0, 0)] * 99 + [(1, 1)] * 99).figures(METRICS, seed="s")
    for name in ("accuracy", "balanced_accuracy", "f1_macro"):
        assert figures[name] == 1.0
        assert 0 < figures[f"{name}.se"] < 0.01


def test_many_classes_are_not_written_into_the_report() -> None:
    found = Outcomes.of([(number, number) for number in range(201)]).confusion()
    assert found == {"labels": None, "matrix": None, "classes": 201}
