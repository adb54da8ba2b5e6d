# SPDX-License-Identifier: Apache-2.0
"""The whole loop on a real API server: all controllers, and pods that report what the test chose.

From a first training to a served champion, to a breach, to another training, to the version
that takes over; then what keeps a policy from acting, and what is left after a crash.
"""

import asyncio
import itertools
from typing import Any

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.retrainpolicy.controller import RetrainPolicyController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import StatusError
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from tests.harness.audit import AuditLog
from tests.harness.kubelet import Behaviour
from tests.harness.proxy import Fault, proxy, writes
from tests.integration.workshop import Workshop, condition, operator, quiet, requests

NAME = "digits"
GATE = {
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9, "change": {"min": -0.02}}],
}


async def policy(workshop: Workshop, **spec: Any) -> None:
    fields: Manifest = {
        "model": "digits",
        "signals": [{"name": "live", "monitor": "live-accuracy", "for": {"breached": 2, "of": 3, "within": "10m"}}],
        "triggers": [{"name": "fell", "signal": "live"}],
        "guard": {"cooldown": "10m"},
        "promote": {"alias": "champion"},
        "training": {"spec": {"image": "example.test/train:1", "parameters": {"gamma": 0.001}}},
        **spec,
    }
    await workshop.create(RETRAIN_POLICIES, NAME, fields)


async def model(workshop: Workshop) -> None:
    await workshop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True, "gate": GATE}]})


async def ask(workshop: Workshop, value: str) -> None:
    """A person's trigger."""
    await workshop.edit(RETRAIN_POLICIES, NAME, metadata={"annotations": {"mlops-operator.io/trigger": value}})


def started(status: Manifest) -> list[Manifest]:
    return [decision for decision in status.get("decisions") or () if decision["outcome"] == "Started"]


async def ended(workshop: Workshop, number: int, *, within: float = 60.0) -> list[Manifest]:
    """The decisions that started something, as soon as so many of them have come to an end."""

    def accept(status: Manifest) -> bool:
        return len([decision for decision in started(status) if "result" in decision]) >= number

    return started(await workshop.until(RETRAIN_POLICIES, NAME, accept, within=within))


async def serving(workshop: Workshop, version: str | None = None) -> str:
    """The version that the deployment serves, as soon as it is (that one and) stable."""

    def accept(status: Manifest) -> bool:
        return status.get("phase") == "Stable" and version in (None, status["stable"]["version"])

    status = await workshop.until(MODEL_DEPLOYMENTS, "digits", accept, within=60.0)
    return str(status["stable"]["version"])


@pytest.mark.timeout(240)
async def test_the_loop_from_a_breach_to_the_next_champion_happens_once(
    control_plane: Cluster, workshop: Workshop, audit_log: AuditLog
) -> None:
    async with operator(control_plane, workshop.namespace, *all_controllers(Settings())):
        await model(workshop)
        await workshop.create(TRAINING_JOBS, "first", {"model": "digits", "image": "example.test/train:1"})
        await workshop.create(
            MODEL_DEPLOYMENTS, "digits", {"model": {"name": "digits", "alias": "champion"}, "rollout": {"steps": []}}
        )
        first = await serving(workshop)
        workshop.live[first] = 0.53
        await policy(workshop)
        await workshop.create(
            MODEL_MONITORS,
            "live-accuracy",
            {
                "target": {"deployment": "digits"},
                "source": {"predictionLog": {"uri": "pvc://store/predictions"}},
                "window": {"size": "5s"},
                "metrics": [{"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100}],
            },
        )
        (decision,) = await ended(workshop, 1, within=90.0)
        assert (decision["trigger"], decision["reason"], decision["result"]) == ("fell", "SignalActive", "Promoted")
        assert [entry["value"] for entry in decision["evidence"]] == [0.53, 0.53]
        second = await serving(workshop, decision["modelVersion"])
        assert second != first

        promotion = await workshop.get(PROMOTIONS, decision["promotion"])
        assert f"0.53 of {first}, limit 0.9, n 200" in promotion["spec"]["reason"]
        assert promotion["status"]["from"] == first
        version = await workshop.get(MODEL_VERSIONS, second)
        assert version["spec"]["lineage"]["trainingJob"]["name"] == decision["trainingJob"]
        assert len(await workshop.all(TRAINING_JOBS)) == 2

        status = await workshop.until(
            RETRAIN_POLICIES, NAME, lambda status: status["signals"][0]["active"] == "False", within=60.0
        )
        assert status["phase"] == "Idle"
        assert len(started(status)) == 1
        await workshop.edit(MODEL_MONITORS, "live-accuracy", spec={"suspend": True})
        await workshop.until(
            MODEL_MONITORS,
            "live-accuracy",
            lambda status: status.get("phase") == "Suspended" and "measuring" not in status,
        )
        await asyncio.sleep(1.0)
        await quiet(audit_log, workshop.namespace)
    async with operator(control_plane, workshop.namespace, *all_controllers(Settings())):
        await quiet(audit_log, workshop.namespace)


@pytest.mark.timeout(120)
async def test_a_person_starts_one_training_per_value_and_a_whole_round_costs_six_writes(
    control_plane: Cluster, workshop: Workshop, audit_log: AuditLog
) -> None:
    async with operator(control_plane, workshop.namespace, *all_controllers(Settings())):
        await model(workshop)
        await policy(workshop, signals=[], triggers=[])
        await workshop.phase(RETRAIN_POLICIES, NAME, "Idle")
        await requests(audit_log, workshop.namespace)  # also what the log tells a moment later
        await ask(workshop, "please")
        (decision,) = await ended(workshop, 1)
        assert (decision["trigger"], decision["moment"], decision["result"]) == ("manual", "please", "Promoted")
        found = await requests(audit_log, workshop.namespace)
        assert (found["create", "trainingjobs"], found["patch", "retrainpolicies/status"]) == (1, 4)
        await quiet(audit_log, workshop.namespace)
        await ask(workshop, "again")
        await ended(workshop, 2)
        assert len(await workshop.all(TRAINING_JOBS)) == 2


@pytest.mark.timeout(120)
async def test_a_challenger_that_fails_the_gate_is_recorded_as_rejected(
    control_plane: Cluster, workshop: Workshop
) -> None:
    async with operator(control_plane, workshop.namespace, *all_controllers(Settings())):
        await model(workshop)
        await policy(workshop, signals=[], triggers=[])
        await ask(workshop, "good")
        (good,) = await ended(workshop, 1)
        champion = good["modelVersion"]
        workshop.accuracy = {(await workshop.get(MODEL_VERSIONS, champion))["spec"]["artifact"]["digest"]: 0.99}
        await ask(workshop, "bad")
        bad = (await ended(workshop, 2))[1]
        assert (bad["result"], bad["modelVersion"] == champion) == ("Rejected", False)
        assert "interval" in bad["resultMessage"]
        status = (await workshop.get(MODELS, "digits"))["status"]
        assert status["aliases"][0]["version"] == champion


@pytest.mark.timeout(180)
async def test_a_users_promotion_back_is_not_overridden_until_it_is_resumed(
    control_plane: Cluster, workshop: Workshop
) -> None:
    every_minute = [{"name": "often", "cron": {"schedule": "* * * * *"}}]
    async with operator(control_plane, workshop.namespace, *all_controllers(Settings())):
        await model(workshop)
        await policy(workshop, signals=[], triggers=[], guard={"cooldown": "0s"})
        await ask(workshop, "first")
        (first,) = await ended(workshop, 1)
        await ask(workshop, "second")
        second = (await ended(workshop, 2))[1]
        assert [first["result"], second["result"]] == ["Promoted", "Promoted"]
        back = {"model": "digits", "alias": "champion", "version": first["modelVersion"], "reason": "worse on Mondays"}
        await workshop.create(PROMOTIONS, "back", back)
        status = await workshop.phase(RETRAIN_POLICIES, NAME, "HeldByUser")
        assert status["heldBy"]["promotion"] == "back"
        assert status["heldBy"]["version"] == first["modelVersion"]
        await workshop.edit(RETRAIN_POLICIES, NAME, spec={"triggers": every_minute})

        def skipped(status: Manifest) -> bool:
            return bool(status.get("decisions")) and status["decisions"][-1]["reason"] == "HeldByUser"

        await workshop.until(RETRAIN_POLICIES, NAME, skipped, within=75.0)
        assert len(await workshop.all(TRAINING_JOBS)) == 2
        aliases = (await workshop.get(MODELS, "digits"))["status"]["aliases"]
        assert aliases[0]["version"] == first["modelVersion"]
        await workshop.client.delete(PROMOTIONS, namespace=workshop.namespace, name="back")
        await workshop.edit(RETRAIN_POLICIES, NAME, metadata={"annotations": {"mlops-operator.io/resume": "agreed"}})
        await workshop.until(RETRAIN_POLICIES, NAME, lambda status: "heldBy" not in status)
        await ended(workshop, 3, within=90.0)


@pytest.mark.timeout(180)
async def test_failures_in_a_row_open_the_circuit_and_the_resume_annotation_closes_it(
    control_plane: Cluster, workshop: Workshop
) -> None:
    workshop.odd["training"] = Behaviour(exit_code=1)
    guard = {
        "cooldown": "0s",
        "backoff": {"initial": "0s"},
        "circuitBreaker": {"failureThreshold": 2, "openDuration": "24h"},
    }
    template = {"spec": {"image": "example.test/train:1", "backoffLimit": 0}}
    async with operator(control_plane, workshop.namespace, *all_controllers(Settings())):
        await model(workshop)
        await policy(workshop, signals=[], triggers=[], guard=guard, training=template)
        for number in (1, 2):
            await ask(workshop, str(number))
            failed = (await ended(workshop, number))[-1]
            assert failed["result"] == "TrainingFailed"
        status = await workshop.phase(RETRAIN_POLICIES, NAME, "CircuitOpen")
        assert condition(status, "Stalled") == ("True", "CircuitOpen")
        assert (status["consecutiveFailures"], status["budgetUsed"]) == (2, 2)
        await workshop.edit(RETRAIN_POLICIES, NAME, metadata={"annotations": {"mlops-operator.io/resume": "fixed"}})
        status = await workshop.phase(RETRAIN_POLICIES, NAME, "Idle")
        assert condition(status, "Stalled")[0] == "False"
        assert "consecutiveFailures" not in status


async def test_a_start_whose_status_was_lost_is_found_again(control_plane: Cluster, workshop: Workshop) -> None:
    await model(workshop)
    await policy(workshop, signals=[], triggers=[])
    controller = RetrainPolicyController(Settings())
    async with operator(control_plane, workshop.namespace, controller):
        await ask(workshop, "please")
        known = await workshop.until(RETRAIN_POLICIES, NAME, lambda status: bool(started(status)))
    lost = {"decisions": None, "lastStarted": None, "handledTrigger": None}
    await workshop.say(RETRAIN_POLICIES, NAME, lost)
    async with operator(control_plane, workshop.namespace, controller):
        found = await workshop.until(RETRAIN_POLICIES, NAME, lambda status: bool(started(status)))
    assert {name: found[name] for name in lost} == {name: known[name] for name in lost}
    assert len(await workshop.all(TRAINING_JOBS)) == 1


@pytest.mark.timeout(180)
async def test_replies_that_are_lost_change_nothing(control_plane: Cluster, workshop: Workshop) -> None:
    await model(workshop)
    await policy(workshop, signals=[], triggers=[])
    async with proxy(load_config(control_plane.kubeconfig)) as faulty:
        turns = itertools.count()
        lost = faulty.inject(
            Fault(matches=lambda request: writes(request) and next(turns) % 2 == 0, forwarded=True, times=None)
        )
        async with operator(control_plane, workshop.namespace, *all_controllers(Settings()), through=faulty):
            await ask(workshop, "please")
            (decision,) = await ended(workshop, 1, within=120.0)
            assert lost.happened > 5
    assert decision["result"] == "Promoted"
    assert len(await workshop.all(TRAINING_JOBS)) == 1
    assert len(await workshop.all(MODEL_VERSIONS)) == 1
    alias = (await workshop.get(MODELS, "digits"))["status"]["aliases"][0]
    assert (alias["version"], "history" in alias) == (decision["modelVersion"], False)


async def test_what_is_missing_is_said_and_mends_itself(control_plane: Cluster, workshop: Workshop) -> None:
    async with operator(control_plane, workshop.namespace, RetrainPolicyController(Settings())):
        await policy(workshop)
        await workshop.until(RETRAIN_POLICIES, NAME, lambda status: condition(status, "Ready")[1] == "ModelNotFound")
        await model(workshop)
        await workshop.until(RETRAIN_POLICIES, NAME, lambda status: condition(status, "Ready")[1] == "MonitorNotFound")
        await workshop.edit(RETRAIN_POLICIES, NAME, spec={"promote": {"alias": "shadow"}})
        await workshop.until(RETRAIN_POLICIES, NAME, lambda status: condition(status, "Ready")[1] == "AliasNotFound")


async def test_a_schedule_that_cannot_be_read_stalls_it_until_it_is_mended(
    control_plane: Cluster, workshop: Workshop
) -> None:
    await model(workshop)
    wrong = [{"name": "nightly", "cron": {"schedule": "61 3 * * *", "timeZone": "Europe/Berlin"}}]
    right = [{"name": "nightly", "cron": {"schedule": "0 3 * * *", "timeZone": "Europe/Berlin"}}]
    async with operator(control_plane, workshop.namespace, RetrainPolicyController(Settings())):
        await policy(workshop, signals=[], triggers=wrong)
        await workshop.until(
            RETRAIN_POLICIES, NAME, lambda status: condition(status, "Stalled") == ("True", "InvalidSchedule")
        )
        await workshop.edit(RETRAIN_POLICIES, NAME, spec={"triggers": right})
        status = await workshop.phase(RETRAIN_POLICIES, NAME, "Idle")
        await workshop.until(RETRAIN_POLICIES, NAME, lambda status: condition(status, "Ready") == ("True", "Idle"))
    assert status is not None


async def test_a_trigger_without_its_signal_is_refused_at_admission(workshop: Workshop) -> None:
    with pytest.raises(StatusError, match="signal must be the name of one of signals"):
        await policy(workshop, signals=[])
