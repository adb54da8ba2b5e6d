# SPDX-License-Identifier: Apache-2.0
"""What starts a training beside a signal: people and schedules."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    RETRAIN_POLICIES,
)
from tests.unit.controllers.builders import condition, later
from tests.unit.controllers.retrainpolicy.scene import (
    NAME,
    NIGHTLY,
    ask,
    cluster,
    decisions,
    settle,
    status,
    training_ends,
    trainings,
)

# -- a person ------------------------------------------------------------------------------


def test_a_person_starts_a_training_past_the_cooldown_once_per_value() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    ask(toy, "please")
    settle(toy)
    settle(toy)
    assert len(trainings(toy)) == 2
    assert decisions(toy)[-1]["reason"] == "ManualTrigger"
    assert status(toy)["handledTrigger"] == "please"


def test_a_person_waits_for_the_training_under_way_and_is_told_so() -> None:
    toy = cluster("TT")
    settle(toy)
    ask(toy, "please")
    settle(toy)
    assert (decisions(toy)[-1]["trigger"], decisions(toy)[-1]["reason"]) == ("manual", "InFlight")
    training_ends(toy, version=None)
    settle(toy)
    assert len(trainings(toy)) == 2
    assert decisions(toy)[-1]["outcome"] == "Started"


def test_a_value_that_was_used_before_starts_another_training() -> None:
    toy = cluster()
    for value in ("a", "b", "a", "b"):
        ask(toy, value)
        toy.now = later((toy.now - later(0)).total_seconds() + 60)
        settle(toy)
        (job,) = [obj for obj in trainings(toy) if "status" not in obj]
        training_ends(toy, version=None, job=job)
        settle(toy)
    assert len(trainings(toy)) == 4


# -- schedules -----------------------------------------------------------------------------


def test_a_schedule_starts_a_training_at_its_moment() -> None:
    toy = cluster(triggers=[NIGHTLY])
    plan = settle(toy)
    assert plan.requeue_after == 15 * 3600 - 600  # noon plus ten minutes to three
    toy.now = later(15 * 3600)
    settle(toy)
    assert decisions(toy)[0]["moment"] == "2026-01-02T03:00:00Z"
    assert status(toy)["schedules"][0]["last"] == "2026-01-02T03:00:00Z"


def test_of_missed_moments_one_training_is_made() -> None:
    toy = cluster(triggers=[NIGHTLY], guard={"cooldown": "0s"})
    settle(toy)
    toy.now = later(10 * 86400)
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_moment_that_is_skipped_does_not_come_back() -> None:
    toy = cluster(triggers=[NIGHTLY], guard={"cooldown": "48h"})
    ask(toy, "now")
    settle(toy)
    training_ends(toy, version=None)
    toy.now = later(15 * 3600)
    settle(toy)
    assert decisions(toy)[-1]["reason"] == "Cooldown"
    assert status(toy)["schedules"][0]["last"] == "2026-01-02T03:00:00Z"
    assert len(trainings(toy)) == 1


def test_what_a_schedule_would_have_started_during_a_suspension_is_not_caught_up() -> None:
    toy = cluster(triggers=[NIGHTLY])
    settle(toy)
    toy.edit(RETRAIN_POLICIES, NAME, suspend=True)
    settle(toy)
    writes = len(toy.writes)
    toy.now = later(20 * 3600)
    assert settle(toy).requeue_after is None
    assert len(toy.writes) == writes
    toy.edit(RETRAIN_POLICIES, NAME, suspend=False)
    settle(toy)
    assert trainings(toy) == []
    toy.now = later(40 * 3600)
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_schedule_that_is_added_does_not_fire_for_the_past() -> None:
    toy = cluster(triggers=[])
    settle(toy)
    toy.now = later(16 * 3600)
    toy.edit(RETRAIN_POLICIES, NAME, triggers=[NIGHTLY])
    settle(toy)
    assert trainings(toy) == []


def test_two_triggers_at_once_start_one_training() -> None:
    toy = cluster("TT", triggers=[NIGHTLY, {"name": "fell", "signal": "live"}])
    settle(toy)  # the signal starts one
    toy.now = later(16 * 3600)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert [entry["reason"] for entry in decisions(toy)] == ["SignalActive", "InFlight"]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ({"schedule": "61 3 * * *"}, "Bad minute"),
        ({"schedule": "0 3 * * *", "timeZone": "Mars/Olympus"}, "No time zone found with key Mars/Olympus"),
    ],
)
def test_a_schedule_that_cannot_be_read_stalls_it_and_a_right_one_mends_it(cron: Manifest, words: str) -> None:
    toy = cluster("TT", triggers=[{"name": "nightly", "cron": cron}, {"name": "fell", "signal": "live"}])
    settle(toy)
    stalled = condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")
    assert stalled["reason"] == "InvalidSchedule"
    assert words in stalled["message"]
    assert trainings(toy) == []
    toy.edit(RETRAIN_POLICIES, NAME, triggers=[{"name": "fell", "signal": "live"}])
    settle(toy)
    assert len(trainings(toy)) == 1


def test_evidence_that_is_too_old_starts_nothing_and_the_record_says_so() -> None:
    toy = cluster("TT")
    toy.now = later(3600)
    settle(toy)
    assert trainings(toy) == []
    assert [(entry["outcome"], entry["reason"]) for entry in decisions(toy)] == [("Skipped", "StaleEvidence")]
