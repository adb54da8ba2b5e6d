# SPDX-License-Identifier: Apache-2.0
"""Whether a candidate has held at its step."""

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.modeldeployment import CandidatePhase, CandidateStatus
from mlops_operator.controllers.modeldeployment.policies.hold import hold
from tests.unit.controllers.builders import later

STARTED = CandidateStatus(
    version="digits-2",
    digest="sha256:" + "2" * 64,
    revision="aaaa",
    deployment="digits-aaaa",
    phase=CandidatePhase.STEPPING,
    started_at=timestamp(later(0)),
    since=timestamp(later(0)),
)
READY = STARTED.replace(ready_since=timestamp(later(10)), unready_seconds=10)


def test_before_it_is_ready_nothing_counts() -> None:
    held = hold(STARTED, ready=False, restarts=0, pause=30, now=later(5))
    assert held.remaining is None
    assert held.candidate == STARTED


def test_the_pause_counts_from_the_moment_when_all_were_ready() -> None:
    assert hold(STARTED, ready=True, restarts=0, pause=30, now=later(10)).candidate == READY
    assert hold(READY, ready=True, restarts=0, pause=30, now=later(25)).remaining == 15


def test_it_has_held_when_the_pause_is_over() -> None:
    assert hold(READY, ready=True, restarts=0, pause=30, now=later(40)).remaining == 0


def test_readiness_that_is_lost_begins_the_step_anew() -> None:
    held = hold(READY, ready=False, restarts=0, pause=30, now=later(35))
    assert held.remaining is None
    assert held.candidate == STARTED.replace(since=timestamp(later(35)), unready_seconds=10)


def test_a_restart_begins_the_step_anew_even_if_it_was_over_before_anybody_looked() -> None:
    held = hold(READY, ready=True, restarts=1, pause=30, now=later(35))
    assert held.remaining == 30
    assert held.candidate.since == held.candidate.ready_since == timestamp(later(35))
    assert held.candidate.restarts == 1


def test_a_pod_that_is_gone_takes_its_restarts_with_it() -> None:
    held = hold(READY.replace(restarts=2), ready=True, restarts=0, pause=30, now=later(35))
    assert held.remaining == 5
    assert held.candidate.restarts == 0


def test_the_time_without_readiness_is_summed_over_the_step() -> None:
    lost = hold(READY, ready=False, restarts=0, pause=30, now=later(35)).candidate
    again = hold(lost, ready=True, restarts=0, pause=30, now=later(50)).candidate
    assert again.unready_seconds == 25
    assert hold(again, ready=True, restarts=0, pause=30, now=later(60)).candidate == again


def test_a_restart_between_two_looks_adds_nothing_to_it() -> None:
    assert hold(READY, ready=True, restarts=1, pause=30, now=later(35)).candidate.unready_seconds == 10
