"""A RetrainPolicy from evidence to a promoted version, in a toy cluster; the other controllers are played by hand."""

from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.retrainpolicy.controller import RetrainPolicyController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from mlops_operator.runtime.plan import Plan
from tests.unit.controllers.builders import ToyCluster, ToyWorld, condition, later, make
from tests.unit.controllers.versions import digest_of, model_version

CONTROLLER = RetrainPolicyController(Settings())
NAME = "digits"
TRIGGER = "mlops-operator.io/trigger"
SIGNAL: Manifest = {"name": "live", "monitor": "accuracy", "metric": "accuracy", "for": {"breached": 2, "of": 3}}
NIGHTLY: Manifest = {"name": "nightly", "cron": {"schedule": "0 3 * * *"}}


def policy(**spec: Any) -> Manifest:
    fields: Manifest = {
        "model": "digits",
        "signals": [SIGNAL],
        "triggers": [{"name": "fell", "signal": "live"}],
        "guard": {"cooldown": "1h"},
        "promote": {"alias": "champion"},
        "training": {"spec": {"image": "example.test/train:1", "parameters": {"gamma": 0.001}}},
        **spec,
    }
    spec = {name: value for name, value in fields.items() if value is not None}
    return make(RETRAIN_POLICIES, NAME, spec=spec, status={"observedGeneration": -1})


def model(alias: str = "champion") -> Manifest:
    return make(MODELS, "digits", spec={"aliases": [{"name": alias}]})


def deployment(version: str = "digits-a", *, candidate: str | None = None) -> Manifest:
    def revision(name: str) -> Manifest:
        return {"version": name, "digest": digest_of(name), "revision": "r", "deployment": "d"}

    status: Manifest = {"stable": revision(version)}
    if candidate is not None:
        status["candidate"] = {**revision(candidate), "phase": "Starting", "since": timestamp(later(0))}
    return make(MODEL_DEPLOYMENTS, "digits", spec={"model": {"name": "digits", "alias": "champion"}}, status=status)


def monitor(pattern: str = "", *, version: str = "digits-a", start: float = 0) -> Manifest:
    """Windows of a minute: T breached, F not, U unknown."""
    breaches = {"T": "True", "F": "False", "U": "Unknown"}
    windows = [
        {
            "start": timestamp(later(start + 60 * i)),
            "end": timestamp(later(start + 60 * i + 60)),
            "version": version,
            "metrics": [
                {"name": "accuracy", "breached": breaches[letter], "value": 0.53, "lower": 0.9, "n": 200, "reason": "x"}
            ],
        }
        for i, letter in enumerate(pattern)
    ]
    spec = {"target": {"deployment": "digits"}, "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}]}
    return make(MODEL_MONITORS, "accuracy", spec=spec, status={"windows": windows})


def cluster(pattern: str = "", **spec: Any) -> ToyCluster:
    toy = ToyCluster(ToyWorld(policy(**spec), model(), deployment(), monitor(pattern)))
    toy.now = later(600)
    return toy


def settle(toy: ToyCluster) -> Plan:
    return toy.settle(CONTROLLER, NAME)


def status(toy: ToyCluster) -> Manifest:
    return dict(toy.get(RETRAIN_POLICIES, NAME)["status"])


def decisions(toy: ToyCluster) -> list[Manifest]:
    return list(status(toy).get("decisions", ()))


def ready(toy: ToyCluster) -> Manifest:
    return condition(toy.get(RETRAIN_POLICIES, NAME), "Ready")


def ask(toy: ToyCluster, value: str) -> None:
    """A person sets the annotation."""
    obj = toy.get(RETRAIN_POLICIES, NAME)
    obj["metadata"].setdefault("annotations", {})[TRIGGER] = value
    toy.store(obj)


def trainings(toy: ToyCluster) -> list[Manifest]:
    return toy.world.all(TRAINING_JOBS)


def training_ends(toy: ToyCluster, *, version: str | None = "digits-b", job: Manifest | None = None) -> None:
    """The (one) TrainingJob ends, with a version or without."""
    job = job or toy.only(TRAINING_JOBS)
    kind = "Complete" if version else "Failed"
    said = {"status": "True", "reason": kind, "message": "in words", "lastTransitionTime": timestamp(toy.now)}
    job["status"] = {
        "conditions": [{"type": kind, **said}, {"type": "Ready", **said, "status": str(bool(version))}],
        "completionTime": timestamp(toy.now),
    }
    if version:
        job["status"]["modelVersion"] = version
    toy.store(job)


def promotion_ends(toy: ToyCluster, phase: str) -> None:
    (promotion,) = [obj for obj in toy.world.all(PROMOTIONS) if "status" not in obj]
    promotion["status"] = {"phase": phase, "message": "in numbers"}
    toy.store(promotion)


def run_through(toy: ToyCluster, *, version: str = "digits-b", phase: str = "Promoted") -> None:
    """The open training to its end."""
    (job,) = [obj for obj in trainings(toy) if "status" not in obj]
    training_ends(toy, version=version, job=job)
    settle(toy)
    toy.world.put(model_version(version))
    settle(toy)
    promotion_ends(toy, phase)
    settle(toy)


# -- from evidence to a promotion ------------------------------------------------------------


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


# -- the same evidence does not count twice --------------------------------------------------


def test_evidence_that_led_to_a_decision_does_not_lead_to_another_after_the_cooldown() -> None:
    toy = cluster("TTT")
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    toy.now = later(600 + 7200)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert status(toy)["signals"][0]["active"] == "Unknown"
    toy.world.put(monitor("TTT" + "T" * 9))  # two of these windows ended after the training did
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


# -- guards ----------------------------------------------------------------------------------


def test_the_cooldown_skips_says_until_when_and_then_starts() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    toy.now = later(1200)
    toy.world.put(monitor("F" * 12 + "TT"))
    plan = settle(toy)
    skipped = decisions(toy)[-1]
    assert (skipped["outcome"], skipped["reason"]) == ("Skipped", "Cooldown")
    assert timestamp(later(600 + 3600)) in skipped["message"]
    assert plan.requeue_after == 3000
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


# -- a person ---------------------------------------------------------------------------------


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


# -- schedules -------------------------------------------------------------------------------


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


# -- crashes ---------------------------------------------------------------------------------


def test_a_start_whose_status_was_lost_is_recorded_word_for_word() -> None:
    toy = cluster("TT")
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    known = status(toy)
    toy.world.put(before)  # the operator ended after the Create, before the status
    toy.now = later(700)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert decisions(toy) == known["decisions"]
    assert status(toy)["lastStarted"] == known["lastStarted"]


def test_a_lost_start_is_found_though_newer_windows_came_meanwhile() -> None:
    toy = cluster("TT")
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    toy.world.put(before, monitor("TTT"))
    settle(toy)
    assert len(trainings(toy)) == 1
    assert [entry["outcome"] for entry in decisions(toy)] == ["Started", "Skipped"]


def test_a_lost_manual_start_is_not_made_again() -> None:
    toy = cluster()
    ask(toy, "please")
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    toy.world.put(before)
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert status(toy)["handledTrigger"] == "please"


def test_a_lost_scheduled_start_is_not_made_again() -> None:
    toy = cluster(triggers=[NIGHTLY], guard={"cooldown": "0s"})
    settle(toy)
    toy.now = later(15 * 3600)
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    toy.world.put(before)
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_left_the_history_is_not_recorded_again() -> None:
    toy = cluster()
    for i in range(25):
        toy.now = later(600 + 60 * i)
        ask(toy, str(i))
        settle(toy)
        (job,) = [obj for obj in trainings(toy) if "status" not in obj]
        training_ends(toy, version=None, job=job)
        settle(toy)
    assert len(trainings(toy)) == 25
    assert [entry["moment"] for entry in decisions(toy)] == [str(i) for i in range(5, 25)]


def test_nothing_starts_before_the_end_of_the_last_training_is_written() -> None:
    toy = cluster("TT")
    settle(toy)
    ask(toy, "please")
    training_ends(toy, version=None)
    plan = toy.step(CONTROLLER, NAME)
    assert plan.actions == ()
    assert decisions(toy)[0]["result"] == "TrainingFailed"
    assert len(toy.step(CONTROLLER, NAME).actions) == 1


# -- what is missing or refused --------------------------------------------------------------


def test_it_waits_for_its_model_and_alias_and_then_acts() -> None:
    toy = cluster("TT")
    toy.world.remove(toy.get(MODELS, "digits"))
    settle(toy)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("False", "ModelNotFound")
    toy.world.put(model("other"))
    settle(toy)
    assert ready(toy)["reason"] == "AliasNotFound"
    assert trainings(toy) == []
    toy.world.put(model())
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_missing_monitor_is_said_and_other_triggers_work() -> None:
    toy = cluster()
    toy.world.remove(toy.get(MODEL_MONITORS, "accuracy"))
    settle(toy)
    assert ready(toy)["reason"] == "MonitorNotFound"
    assert status(toy)["signals"][0]["active"] == "Unknown"
    ask(toy, "please")
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_the_api_refuses_stalls_it_until_the_spec_changes() -> None:
    toy = cluster("TT")
    toy.refuse["TrainingJob"] = (422, "Invalid", "spec.image: Required value")
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["message"] == "spec.image: Required value"
    assert decisions(toy) == []
    toy.refuse.clear()
    settle(toy)
    assert trainings(toy) == []
    toy.edit(RETRAIN_POLICIES, NAME, training={"spec": {"image": "example.test/train:2"}})
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_is_forbidden_is_tried_again() -> None:
    toy = cluster("TT")
    toy.refuse["TrainingJob"] = (403, "Forbidden", "exceeded quota")
    assert settle(toy).requeue_after == 60
    assert ready(toy)["reason"] == "Forbidden"
    toy.refuse.clear()
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_needs_a_person_is_said_here_too_and_mends_itself() -> None:
    toy = cluster("TT")
    settle(toy)
    job = toy.only(TRAINING_JOBS)
    said = {"status": "True", "reason": "InvalidPodTemplate", "lastTransitionTime": timestamp(toy.now)}
    job["status"] = {"conditions": [{"type": "Stalled", **said}]}
    toy.store(job)
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["reason"] == "TrainingStalled"
    training_ends(toy)
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["status"] == "False"


def test_suspended_nothing_starts_and_what_is_under_way_goes_on() -> None:
    toy = cluster("TT")
    settle(toy)
    toy.edit(RETRAIN_POLICIES, NAME, suspend=True)
    ask(toy, "please")
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    settle(toy)
    assert len(toy.world.all(PROMOTIONS)) == 1
    promotion_ends(toy, "Promoted")
    settle(toy)
    assert (status(toy)["phase"], decisions(toy)[0]["result"]) == ("Suspended", "Promoted")
    assert len(trainings(toy)) == 1


def test_a_cooldown_beyond_the_bounds_stalls_it() -> None:
    toy = cluster(guard={"cooldown": "9999999999h"})
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["reason"] == "InvalidSpec"


# -- events ----------------------------------------------------------------------------------


def test_events_tell_of_starts_skips_and_results() -> None:
    toy = cluster("TT")
    settle(toy)
    toy.world.put(monitor("TTT"))
    settle(toy)
    run_through(toy, phase="Rejected")
    told = [(event.type.value, event.reason) for event in toy.events]
    assert told == [("Normal", "TrainingStarted"), ("Normal", "TriggerSkipped"), ("Warning", "Rejected")]
