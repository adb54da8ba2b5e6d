# SPDX-License-Identifier: Apache-2.0
"""Guards of a RetrainPolicy: cooldown, backoff, circuit breaker and budget."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from mlops_operator.api.schema import CelRule, Duration, SpecModel, seconds

MAX_PERIOD: Final = "8760h"
"""Upper bound of every duration of a guard: a year."""

MIN_PERIOD: Final = "1m"
"""Lower bound of the durations that give a guard its effect."""

MAX_RUNS: Final = 100
"""Start times of trainings that are kept in status, and so the largest budget."""


def check_period(name: str, found: str, *, least: str = "0s") -> None:
    """Check the bounds of a duration.

    Raises:
        ValueError: it is shorter than `least` or longer than `MAX_PERIOD`.
    """
    if not seconds(least) <= seconds(found) <= seconds(MAX_PERIOD):
        raise ValueError(f"{name}: expected {least} to {MAX_PERIOD}, found {found}")


class Backoff(SpecModel):
    """Exponential backoff after trainings that ended without a promotion.

    After the n-th consecutive failure the next training waits `min(cap, initial * factor^(n - 1))`, counted from
    the end of the last failure. A promotion resets it.
    """

    rules = (
        CelRule("duration(self.initial) <= duration(self.cap)", "guard.backoff: initial must not exceed cap"),
        CelRule(f"duration(self.cap) <= duration('{MAX_PERIOD}')", f"guard.backoff.cap: at most {MAX_PERIOD}"),
    )

    initial: Duration = "1h"
    """Wait after the first failure. `0s` disables the backoff."""
    factor: Annotated[int, Field(ge=1, le=10)] = 2
    """Factor by which each further consecutive failure multiplies the wait."""
    cap: Duration = "24h"
    """Maximum wait."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_period("backoff.cap", self.cap)
        if seconds(self.initial) > seconds(self.cap):
            raise ValueError(f"backoff.initial: expected at most the cap {self.cap}, found {self.initial}")
        return self


class CircuitBreaker(SpecModel):
    """Circuit breaker over consecutive failures: closed, open, half-open.

    While the circuit is open, only the manual trigger starts a training. After `openDuration` it is half-open: one
    trial training may start. Its promotion closes the circuit; its failure opens it again for `openDuration`.
    """

    rules = (
        CelRule(
            f"duration(self.openDuration) >= duration('{MIN_PERIOD}')"
            f" && duration(self.openDuration) <= duration('{MAX_PERIOD}')",
            f"guard.circuitBreaker.openDuration: at least {MIN_PERIOD}, at most {MAX_PERIOD}",
        ),
    )

    failure_threshold: Annotated[int, Field(ge=1, le=100)] = 5
    """Consecutive failures that open the circuit. With a power of 0.8 per gate, five failures in a row of
    candidates that are truly better have a probability of 0.2^5, 1 in 3,125: training does not cure the cause."""
    open_duration: Duration = "168h"
    """Time from the last failure until one trial training may start."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_period("circuitBreaker.openDuration", self.open_duration, least=MIN_PERIOD)
        return self


class Budget(SpecModel):
    """Maximum number of trainings that the policy starts in a sliding period."""

    rules = (
        CelRule(
            f"duration(self.per) >= duration('{MIN_PERIOD}') && duration(self.per) <= duration('{MAX_PERIOD}')",
            f"guard.budget.per: at least {MIN_PERIOD}, at most {MAX_PERIOD}",
        ),
    )

    runs: Annotated[int, Field(ge=1, le=MAX_RUNS)] = 10
    """Trainings per period, manual ones included. The default leaves room for a nightly schedule and three more
    runs a week. A manual trigger starts beyond it."""
    per: Duration = "168h"
    """Length of the sliding period."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_period("budget.per", self.per, least=MIN_PERIOD)
        return self


class Guard(SpecModel):
    """Conditions under which a trigger does not start a training. A manual trigger bypasses all of them."""

    rules = (CelRule(f"duration(self.cooldown) <= duration('{MAX_PERIOD}')", f"guard.cooldown: at most {MAX_PERIOD}"),)

    cooldown: Duration = "1h"
    """Minimum time between the starts of two trainings."""
    backoff: Backoff = Backoff()
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_period("cooldown", self.cooldown)
        return self
