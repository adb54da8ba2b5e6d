# SPDX-License-Identifier: Apache-2.0
"""Evaluations on a real API server: verdicts from reported figures, waiting, refusals, and the requests they cost."""

import json
import time
from typing import Any

import pytest

from localcluster import Cluster
from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.pending import PATIENCE
from mlops_operator.kube.errors import StatusError
from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODELS, PODS
from tests.harness.audit import AuditLog
from tests.harness.kubelet import Behaviour
from tests.integration.workshop import Workshop, condition, digest_of, message, operator, quiet, requests

NAME = "b-against-a"
DATA = [{"name": "holdout", "uri": "pvc://store/holdout.npz"}]
RULES = [{"name": "accuracy", "slice": "original", "min": 0.93}, {"name": "accuracy", "change": {"min": 0}}]


async def evaluate(workshop: Workshop, **spec: Any) -> None:
    fields = {"candidate": "digits-b", "baseline": "digits-a", "data": DATA, "metrics": RULES, **spec}
    await workshop.create(EVALUATIONS, NAME, fields)


async def test_a_verdict_costs_three_writes_and_one_read_and_a_restart_none(
    control_plane: Cluster, workshop: Workshop, audit_log: AuditLog
) -> None:
    workshop.accuracy[digest_of("digits-a")] = 0.75
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        audit_log.skip()
        await evaluate(workshop)
        status = await workshop.phase(EVALUATIONS, NAME, "Succeeded")
        assert await requests(audit_log, workshop.namespace) == {
            ("create", "jobs"): 1,
            ("patch", "evaluations/status"): 2,
        }
        assert status["verdict"] == "Pass"
        assert [rule["verdict"] for rule in status["metrics"]] == ["Pass", "Pass"]
        assert status["metrics"][1]["difference"] == pytest.approx(0.2)
        assert condition(status, "Ready") == ("True", "Measured")
        await quiet(audit_log, workshop.namespace)
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        await quiet(audit_log, workshop.namespace)


async def test_a_worse_candidate_fails_with_its_numbers(control_plane: Cluster, workshop: Workshop) -> None:
    workshop.accuracy[digest_of("digits-b")] = 0.5
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        await evaluate(workshop)
        status = await workshop.phase(EVALUATIONS, NAME, "Succeeded")
    assert status["verdict"] == "Fail"
    assert "accuracy@original: 0.5 is below the minimum of 0.93" in message(status)


RECENT = {"uri": "pvc://store/predictions", "window": "1h", "minCount": 100}
ON_RECENT = {"name": "accuracy", "slice": "recent", "change": {"min": 0}}


async def test_recent_rows_wait_for_the_model_whose_uid_decides_which_they_are(
    control_plane: Cluster, workshop: Workshop
) -> None:
    workshop.accuracy[digest_of("digits-a")] = 0.75
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        await evaluate(workshop, data=[], recent=RECENT, metrics=[ON_RECENT, {"name": "accuracy", "min": 0.9}])
        await workshop.until(EVALUATIONS, NAME, lambda status: condition(status, "Ready")[1] == "ModelNotFound")
        model = await workshop.create(MODELS, "digits", {})
        status = await workshop.phase(EVALUATIONS, NAME, "Succeeded")
        (job,) = await workshop.all(JOBS)
    environment = {entry["name"]: entry["value"] for entry in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    configuration = json.loads(environment["MLOPS_EVALUATION"])
    created = (await workshop.get(EVALUATIONS, NAME))["metadata"]["creationTimestamp"]
    assert configuration["recent"]["holdout"] == {"key": model["metadata"]["uid"], "share": 0.2}
    assert configuration["recent"]["end"] == created
    assert status["verdict"] == "Pass"
    assert status["recent"]["rows"] == 300
    assert status["recent"]["newest"] == created
    assert [(entry["role"], entry["overlap"]) for entry in status["overlap"]] == [
        ("candidate", "Unknown"),
        ("baseline", "Unknown"),
    ]


@pytest.mark.parametrize(
    ("spec", "recent", "expected"),
    [
        ({}, 99, ("Inconclusive", "99 labeled recent rows")),
        ({"overlap": "Require"}, 300, ("NoData", "overlap: Unknown")),
        ({"recentAfter": "2026-01-01T00:00:00Z"}, 99, ("NoData", "99 labeled recent rows are newer than")),
    ],
    ids=["few rows", "hashes required", "few new rows"],
)
async def test_rows_that_do_not_suffice_let_nothing_pass(
    control_plane: Cluster, workshop: Workshop, spec: dict[str, Any], recent: int, expected: tuple[str, str]
) -> None:
    workshop.accuracy[digest_of("digits-a")] = 0.75
    workshop.recent = recent
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    await workshop.create(MODELS, "digits", {})
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        await evaluate(workshop, recent=RECENT, metrics=[*RULES, ON_RECENT], **spec)
        status = await workshop.phase(EVALUATIONS, NAME, "Succeeded")
    assert status["verdict"] == expected[0]
    assert expected[1] in message(status)


async def test_it_waits_for_its_versions_and_goes_on_when_they_are_ready(
    control_plane: Cluster, workshop: Workshop
) -> None:
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        await evaluate(workshop)
        await workshop.until(EVALUATIONS, NAME, lambda status: condition(status, "Ready")[1] == "ModelVersionNotFound")
        await workshop.version("digits-a")
        await workshop.version("digits-b", ready=False)
        await workshop.until(EVALUATIONS, NAME, lambda status: condition(status, "Ready")[1] == "ModelVersionNotReady")
        assert await workshop.all(JOBS) == []
        await workshop.verified("digits-b")
        await workshop.phase(EVALUATIONS, NAME, "Succeeded")


async def test_a_pod_template_that_the_api_refuses_is_said_in_its_words(
    control_plane: Cluster, workshop: Workshop
) -> None:
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        resources = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
        await evaluate(workshop, taskPods={"resources": resources})
        status = await workshop.phase(EVALUATIONS, NAME, "Failed")
    assert condition(status, "Stalled") == ("True", "InvalidPodTemplate")
    assert "must be less than or equal to memory limit" in message(status)
    assert status["verdict"] == "Error"


@pytest.mark.parametrize("left", ["", "not json", '{"v":1,"uid":"another run"}'])
async def test_a_run_without_a_valid_result_is_no_success(
    control_plane: Cluster, workshop: Workshop, left: str
) -> None:
    workshop.odd["evaluate"] = Behaviour(message=left)
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        await evaluate(workshop)
        status = await workshop.phase(EVALUATIONS, NAME, "Failed")
    assert condition(status, "Stalled") == ("True", "ResultInvalid")


LOST_STORE = '{"reason": "ArtifactUnreachable", "message": "the store does not answer"}'


async def test_a_failed_try_is_said_for_one_write_and_one_read_while_the_next_one_follows(
    control_plane: Cluster, workshop: Workshop, audit_log: AuditLog
) -> None:
    workshop.odd["evaluate"] = Behaviour(exit_code=7, message=LOST_STORE, run_for=0.5)
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        audit_log.skip()
        await evaluate(workshop)
        told = await workshop.until(EVALUATIONS, NAME, lambda status: condition(status, "Ready")[1] == "Retrying")
        assert message(told) == "try 1 of 3 failed: ArtifactUnreachable: the store does not answer"
        del workshop.odd["evaluate"]
        await workshop.phase(EVALUATIONS, NAME, "Succeeded")
        assert await requests(audit_log, workshop.namespace) == {
            ("create", "jobs"): 1,
            ("patch", "evaluations/status"): 3,
        }


async def test_a_result_that_is_lost_with_its_pod_is_measured_again(control_plane: Cluster, workshop: Workshop) -> None:
    workshop.accuracy[digest_of("digits-a")] = 0.75
    workshop.odd["evaluate"] = Behaviour(run_for=3.0)
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        await evaluate(workshop)
        await workshop.phase(EVALUATIONS, NAME, "Running")
    (job,) = await workshop.all(JOBS)
    await workshop.until(JOBS, job["metadata"]["name"], lambda status: condition(status, "Complete")[0] == "True")
    for pod in await workshop.all(PODS):
        await workshop.client.delete(PODS, namespace=workshop.namespace, name=pod["metadata"]["name"])
    del workshop.odd["evaluate"]
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        status = await workshop.phase(EVALUATIONS, NAME, "Succeeded")
    assert status["verdict"] == "Pass"
    (again,) = await workshop.all(JOBS)
    assert again["metadata"]["uid"] != job["metadata"]["uid"]
    assert again["metadata"]["annotations"]["mlops-operator.io/lost-results"] == "1"


async def test_a_missing_image_is_told_sooner_than_a_wait_that_may_pass(
    control_plane: Cluster, workshop: Workshop
) -> None:
    workshop.odd["evaluate"] = Behaviour(start_after=None, waiting=("ErrImagePull", "no such image"))
    await workshop.version("digits-a")
    await workshop.version("digits-b")
    async with operator(control_plane, workshop.namespace, EvaluationController(Settings())):
        begun = time.monotonic()
        await evaluate(workshop)
        status = await workshop.until(EVALUATIONS, NAME, lambda status: "waiting" in status)
        assert time.monotonic() - begun < PATIENCE
    assert status["waiting"]["reason"] == "ImageUnavailable"
    assert condition(status, "Reconciling") == ("True", "ImageUnavailable")


async def test_its_spec_is_immutable(workshop: Workshop) -> None:
    await evaluate(workshop)
    with pytest.raises(StatusError, match="spec is immutable"):
        await workshop.edit(EVALUATIONS, NAME, spec={"candidate": "digits-c"})
