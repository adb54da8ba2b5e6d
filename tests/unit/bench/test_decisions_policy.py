# SPDX-License-Identifier: Apache-2.0
"""The month of a policy whose breach training cannot cure, by the simulation of the benchmark."""

from datetime import timedelta

from bench.decisions.policy import BEGIN, UNGUARDED, Case, Simulation


def test_the_cooldown_alone_starts_a_training_an_hour() -> None:
    result = Simulation(Case(name="unguarded", guard=UNGUARDED, days=1)).run()
    assert len(result.starts) == 24


def test_with_the_default_guards_a_breach_that_training_cannot_cure_starts_five_and_opens_the_circuit() -> None:
    result = Simulation(Case(name="defaults", days=2)).run()
    assert result.starts[0] == BEGIN + timedelta(minutes=10)
    assert len(result.starts) == 5
    assert result.reasons[-1] == "CircuitOpen"


def test_a_month_of_hourly_windows_starts_nine() -> None:
    result = Simulation(Case(name="hourly", window=60)).run()
    assert len(result.starts) == 9


def test_promotions_that_do_not_end_the_breach_are_bounded_by_the_budget() -> None:
    result = Simulation(Case(name="promotions", gate="Promoted", window=30, days=7)).run()
    assert len(result.starts) == 10
    assert result.reasons[-1] == "BudgetExhausted"


def test_a_breach_each_ninety_minutes_is_no_reason_to_train() -> None:
    result = Simulation(Case(name="sparse", pattern="T" + 17 * "U", days=2)).run()
    assert not result.starts
    assert result.reasons[-1] == "StaleEvidence"
