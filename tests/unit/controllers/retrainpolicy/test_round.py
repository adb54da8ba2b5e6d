# SPDX-License-Identifier: Apache-2.0
"""A training from its evidence to its result, and the next one."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.kube.resources import (
    PROMOTIONS,
    TRAINING_JOBS,
)
from tests.unit.controllers.builders import later
from tests.unit.controllers.retrainpolicy.scene import (
    cluster,
    decisions,
    deployment,
    monitor,
    promotion_ends,
    ready,
    run_through,
    settle,
    status,
    training_ends,
    trainings,
)
from tests.unit.controllers.versions import model_version

# -- from evidence to a promotion ----------------------------------------------------------


def test_two_of_three_breached_windows_start_a_training_with_their_evidence() -> None:
    toy = cluster("TFT")
    settle(toy)
    job = toy.only(TRAINING_JOBS)
    assert job["spec"] == {"image": "example.test/train:1", "parameters": {"gamma": 0.001}, "model": "digits"}
    TrainingJobSpec.model_validate(job["spec"])
    (decision,) = decisions(toy)
    assert (decision["trigger"], decision["outcome"], decision["reason"]) == ("fell", "Started", "SignalActive")
    assert decision["trainingJob"] == job["metadata"]["name"]
    assert [entry["value"] for entry in decision["evidence"]] == [0.53, 0.53]
    assert decision["moment"] == timestamp(later(180))
    assert (status(toy)["phase"], ready(toy)["status"]) == ("Training", "True")
    assert status(toy)["lastStarted"] == timestamp(toy.now)


@pytest.mark.parametrize("pattern", ["", "T", "TU", "FFF", "TFF", "UUU"])
def test_less_starts_nothing(pattern: str) -> None:
    toy = cluster(pattern)
    settle(toy)
    assert trainings(toy) == []
    assert decisions(toy) == []
    assert status(toy)["phase"] == "Idle"


def test_the_version_that_comes_of_it_is_promoted_with_a_reason() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy)
    settle(toy)
    assert decisions(toy)[0]["modelVersion"] == "digits-b"
    assert toy.world.all(PROMOTIONS) == []
    toy.world.put(model_version("digits-b"))
    settle(toy)
    promotion = toy.only(PROMOTIONS)
    assert (promotion["spec"]["alias"], promotion["spec"]["version"]) == ("champion", "digits-b")
    reason = promotion["spec"]["reason"]
    assert "trigger fell" in reason
    assert "0.53 of digits-a, limit 0.9, n 200" in reason
    assert status(toy)["phase"] == "Promoting"
    promotion_ends(toy, "Promoted")
    settle(toy)
    (decision,) = decisions(toy)
    assert (decision["result"], decision["promotion"]) == ("Promoted", promotion["metadata"]["name"])
    assert status(toy)["phase"] == "Idle"


def test_a_whole_round_costs_six_writes_and_then_nothing() -> None:
    toy = cluster("TT")
    settle(toy)
    run_through(toy)
    assert [write.split()[0] for write in toy.writes] == [
        *("create", "status"),  # the decision
        "status",  # the version has a name
        *("create", "status"),  # the promotion
        "status",  # the result
    ]
    toy.now = later(100_000)
    settle(toy)
    assert len(toy.writes) == 6


@pytest.mark.parametrize("phase", ["Rejected", "Superseded"])
def test_what_became_of_the_promotion_is_recorded(phase: str) -> None:
    toy = cluster("TT")
    settle(toy)
    run_through(toy, phase=phase)
    assert (decisions(toy)[0]["result"], decisions(toy)[0]["resultMessage"]) == (phase, "in numbers")


def test_a_failed_training_is_recorded() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    assert decisions(toy)[0]["result"] == "TrainingFailed"
    assert "in words" in decisions(toy)[0]["resultMessage"]
    assert toy.events[-1].type == "Warning"


def test_without_promote_the_version_is_the_end() -> None:
    toy = cluster("TT", promote=None)
    settle(toy)
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    settle(toy)
    assert decisions(toy)[0]["result"] == "Trained"
    assert toy.world.all(PROMOTIONS) == []


# -- the same evidence does not count twice ------------------------------------------------


def test_evidence_that_led_to_a_decision_does_not_lead_to_another_after_the_cooldown() -> None:
    toy = cluster("TTT")
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    toy.now = later(600 + 7200)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert status(toy)["signals"][0]["active"] == "Unknown"
    toy.world.put(monitor("TT", start=7680))
    settle(toy)
    assert len(trainings(toy)) == 2


def test_windows_of_the_former_version_do_not_retrigger_after_a_promotion() -> None:
    toy = cluster("TT", guard={"cooldown": "0s"})
    settle(toy)
    run_through(toy)
    toy.now = later(3000)
    toy.world.put(monitor("T" * 20), deployment(candidate="digits-b"))
    settle(toy)
    toy.world.put(deployment("digits-b"))
    settle(toy)
    assert len(trainings(toy)) == 1
    toy.world.put(monitor("TT", version="digits-b", start=1500))
    settle(toy)
    assert len(trainings(toy)) == 2


def test_a_window_more_while_it_trains_starts_nothing_and_is_recorded_as_skipped() -> None:
    toy = cluster("TT")
    settle(toy)
    toy.world.put(monitor("TTT"))
    settle(toy)
    assert len(trainings(toy)) == 1
    skipped = decisions(toy)[-1]
    assert (skipped["outcome"], skipped["reason"], skipped["trigger"]) == ("Skipped", "InFlight", "fell")


# -- guards --------------------------------------------------------------------------------


def test_the_cooldown_skips_says_until_when_and_then_starts() -> None:
    toy = cluster("TT", guard={"cooldown": "1h", "backoff": {"initial": "0s"}})
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    toy.now = later(1200)
    toy.world.put(monitor("TT", start=1080))
    plan = settle(toy)
    skipped = decisions(toy)[-1]
    assert (skipped["outcome"], skipped["reason"]) == ("Skipped", "Cooldown")
    assert timestamp(later(600 + 3600)) in skipped["message"]
    assert plan.requeue_after == 1140 + 1800 - 1200  # the older window becomes too old before the cooldown ends
    toy.world.put(monitor("TT", start=4080))
    toy.now = later(600 + 3599)
    assert settle(toy).requeue_after == 1
    toy.now = later(600 + 3600)
    settle(toy)
    assert len(trainings(toy)) == 2


def test_a_skip_is_written_once_and_not_with_the_clock() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy, version=None)
    toy.world.put(monitor("F" * 12 + "TT"))
    toy.now = later(1200)
    settle(toy)
    writes = len(toy.writes)
    for seconds in range(1210, 1300, 10):
        toy.now = later(seconds)
        settle(toy)
    assert len(toy.writes) == writes


# -- events --------------------------------------------------------------------------------


def test_events_tell_of_starts_skips_and_results() -> None:
    toy = cluster("TT")
    settle(toy)
    toy.world.put(monitor("TTT"))
    settle(toy)
    run_through(toy, phase="Rejected")
    told = [(event.type.value, event.reason) for event in toy.events]
    assert told == [("Normal", "TrainingStarted"), ("Normal", "TriggerSkipped"), ("Warning", "Rejected")]
