# SPDX-License-Identifier: Apache-2.0
"""ModelMonitors on a real API server: windows, verdicts, bounded Jobs, and the requests they cost."""

import asyncio
from typing import Any

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modelmonitor.controller import ModelMonitorController
from mlops_operator.controllers.modelmonitor.policies.retention import KEPT_JOBS
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_MONITORS
from tests.harness.audit import AuditLog
from tests.harness.kubelet import Behaviour
from tests.integration.workshop import Workshop, condition, digest_of, message, operator, quiet, requests

NAME = "live-accuracy"
WINDOW = 5
"""Seconds: the shortest window."""


async def serve(workshop: Workshop, version: str) -> None:
    """A ModelDeployment that serves `version`, by word of the test."""
    await workshop.create(MODEL_DEPLOYMENTS, "digits", {"model": {"name": "digits", "alias": "champion"}})
    await serve_now(workshop, version)


async def serve_now(workshop: Workshop, version: str) -> None:
    stable = {"version": version, "digest": digest_of(version), "revision": "r", "deployment": f"digits-{version}"}
    await workshop.say(MODEL_DEPLOYMENTS, "digits", {"stable": stable})


async def watch(workshop: Workshop, **spec: Any) -> None:
    fields: Manifest = {
        "target": {"deployment": "digits"},
        "source": {"predictionLog": {"uri": "pvc://store/predictions"}},
        "window": {"size": f"{WINDOW}s"},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100}],
        **spec,
    }
    await workshop.create(MODEL_MONITORS, NAME, fields)


async def windows(workshop: Workshop, number: int) -> Manifest:
    """The status, as soon as so many windows are measured."""
    return await workshop.until(
        MODEL_MONITORS, NAME, lambda status: len(status.get("windows") or ()) >= number, within=30.0 + WINDOW * number
    )


async def test_a_breach_shows_with_value_limit_and_n_and_ends_with_the_next_good_window(
    control_plane: Cluster, workshop: Workshop
) -> None:
    workshop.live["digits-a"] = 0.53
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        await watch(workshop)
        await workshop.until(MODEL_MONITORS, NAME, lambda status: condition(status, "Ready")[1] == "DeploymentNotFound")
        await serve(workshop, "digits-a")
        status = await windows(workshop, 1)
        (verdict,) = status["windows"][0]["metrics"]
        assert verdict["breached"] == "True"
        assert (verdict["value"], verdict["lower"], verdict["n"]) == (0.53, 0.9, 200)
        assert status["windows"][0]["version"] == "digits-a"
        assert condition(status, "Breached") == ("True", "BelowLimit")
        assert condition(status, "Ready") == ("True", "Monitoring")
        await serve_now(workshop, "digits-b")
        status = await workshop.phase(MODEL_MONITORS, NAME, "Healthy")
        assert status["windows"][-1]["version"] == "digits-b"


async def test_a_window_costs_three_writes_and_jobs_are_bounded(
    control_plane: Cluster, workshop: Workshop, audit_log: AuditLog
) -> None:
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        await serve(workshop, "digits-a")
        await watch(workshop)
        await windows(workshop, 1)
        await requests(audit_log, workshop.namespace)
        await windows(workshop, 2)
        assert await requests(audit_log, workshop.namespace) == {
            ("create", "jobs"): 1,
            ("patch", "modelmonitors/status"): 2,
        }
        status = await windows(workshop, KEPT_JOBS + 2)
        assert len(await workshop.all(JOBS)) <= KEPT_JOBS + 1
        ends = [window["end"] for window in status["windows"]]
        assert ends == sorted(set(ends))
        await workshop.edit(MODEL_MONITORS, NAME, spec={"suspend": True})
        await workshop.until(
            MODEL_MONITORS, NAME, lambda status: status.get("phase") == "Suspended" and "measuring" not in status
        )
        await quiet(audit_log, workshop.namespace, seconds=WINDOW + 2)
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        await quiet(audit_log, workshop.namespace)


async def test_too_few_labels_are_unknown_and_the_monitor_is_ready(control_plane: Cluster, workshop: Workshop) -> None:
    workshop.rows = 99
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        await serve(workshop, "digits-a")
        await watch(workshop)
        status = await windows(workshop, 1)
    assert condition(status, "Breached") == ("Unknown", "TooFewSamples")
    assert condition(status, "Ready") == ("True", "Monitoring")


async def test_a_run_without_a_result_is_unknown_and_says_that_the_monitor_does_not_work(
    control_plane: Cluster, workshop: Workshop
) -> None:
    workshop.odd["monitor"] = Behaviour(message="{")
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        await serve(workshop, "digits-a")
        await watch(workshop)
        status = await windows(workshop, 1)
        assert condition(status, "Breached") == ("Unknown", "ResultInvalid")
        assert condition(status, "Ready") == ("False", "ResultInvalid")
        del workshop.odd["monitor"]
        await workshop.phase(MODEL_MONITORS, NAME, "Healthy")


async def test_a_window_goes_on_after_the_operator_was_away(control_plane: Cluster, workshop: Workshop) -> None:
    workshop.odd["monitor"] = Behaviour(start_after=4.0, message="{}")
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        await serve(workshop, "digits-a")
        await watch(workshop)
        status = await workshop.until(MODEL_MONITORS, NAME, lambda status: "measuring" in status)
    begun = status["measuring"]
    await asyncio.sleep(2 * WINDOW)
    # Only now: the kubelet asks how a pod behaves when it sees it, which may be after the status was written.
    del workshop.odd["monitor"]
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        status = await windows(workshop, 2)
    first, second = status["windows"][:2]
    assert (first["end"], first["metrics"][0]["reason"]) == (begun["end"], "ResultInvalid")
    assert second["metrics"][0]["breached"] == "False"
    assert status["skippedWindows"] >= 1


async def test_a_pod_template_that_the_api_refuses_stalls_it_until_it_is_mended(
    control_plane: Cluster, workshop: Workshop
) -> None:
    async with operator(control_plane, workshop.namespace, ModelMonitorController(Settings())):
        await serve(workshop, "digits-a")
        resources = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
        await watch(workshop, taskPods={"resources": resources})
        status = await workshop.until(
            MODEL_MONITORS, NAME, lambda status: condition(status, "Stalled") == ("True", "InvalidPodTemplate")
        )
        assert "memory" in message(status)
        await workshop.edit(MODEL_MONITORS, NAME, spec={"taskPods": {"resources": {"limits": {"memory": "4Gi"}}}})
        await workshop.phase(MODEL_MONITORS, NAME, "Healthy")
