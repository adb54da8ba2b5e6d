# SPDX-License-Identifier: Apache-2.0
"""How small p-values must be: over the gates on the same rows, and over the rules of one Evaluation."""

import random

import pytest

from mlops_operator.controllers.evaluation.policies.levels import FAIL_LEVEL, holm, pass_level


@pytest.mark.parametrize(("before", "level"), [(0, 0.025), (1, 0.00625), (9, 0.00025)])
def test_each_gate_on_the_same_rows_gets_less(before: int, level: float) -> None:
    assert pass_level(0.95, before) == pytest.approx(level)


def test_all_gates_on_the_same_rows_together_get_less_than_five_percent() -> None:
    assert sum(pass_level(0.95, before) for before in range(100_000)) < 0.0412


def test_holm_follows_the_published_procedure() -> None:
    # The ordered p-values are compared with level / 4, / 3, / 2, / 1 until one is not below.
    assert holm([0.04, 0.01, 0.03, 0.005], hypotheses=4) == (False, True, False, True)


@pytest.mark.parametrize(("p", "rejected"), [(0.0049, True), (0.005, False), (0.0051, False)])
def test_holm_needs_a_p_value_strictly_below(p: float, rejected: bool) -> None:
    assert holm([p], hypotheses=10) == (rejected,)


def test_hypotheses_that_were_not_measured_count() -> None:
    assert holm([0.02], hypotheses=1) == (True,)
    assert holm([0.02], hypotheses=3) == (False,)


def test_no_p_value_rejects_nothing() -> None:
    assert holm([], hypotheses=0) == ()


def test_equal_candidates_are_rejected_by_any_of_twelve_rules_in_at_most_the_stated_share() -> None:
    # Uniform p-values are the least favorable true null hypotheses; 4,000 families, standard error 0.35 %.
    generator = random.Random(1)
    families = 4000
    wrong = sum(any(holm([generator.random() for _ in range(12)], hypotheses=12)) for _ in range(families))
    plain = sum(any(generator.random() < 0.025 for _ in range(12)) for _ in range(families))
    assert wrong / families <= FAIL_LEVEL + 0.0105
    assert plain / families > 0.2
