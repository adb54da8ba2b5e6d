# SPDX-License-Identifier: Apache-2.0
"""What a run reported, and when its success does not count."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.trainingjob.policies.failure import Cause, cause
from mlops_operator.kube.resources import MODELS
from tests.unit.controllers.builders import condition, failed_pod, job_ended, later, make, pod_of
from tests.unit.controllers.trainingjob.driver import DIGEST, Run, begin, model_artifact

OUTPUT: dict[str, Any] = {"output": {"uri": "pvc://store/out"}}


def invalid(run: Run) -> str:
    """Why the result does not count."""
    assert run.status["phase"] == "Failed"
    failed = condition(run.obj, "Failed")
    assert failed["reason"] == "ResultInvalid"
    assert condition(run.obj, "Stalled")["status"] == "True"
    return str(failed["message"])


def test_what_was_reported_is_in_the_status() -> None:
    run = begin(**OUTPUT)
    run.at(2).job_succeeds(
        run.result(
            metrics={"accuracy": 0.969},
            counts={"rows": 899},
            artifacts=[model_artifact()],
            data=[{"name": "train", "digest": DIGEST}],
            report={"uri": "pvc://store/report.json", "digest": DIGEST},
        )
    )
    assert run.status["metrics"] == {"accuracy": 0.969}
    assert run.status["counts"] == {"rows": 899}
    assert run.status["artifacts"] == [model_artifact()]
    assert run.status["data"] == [{"name": "train", "digest": DIGEST}]
    assert run.status["report"] == {"uri": "pvc://store/report.json", "digest": DIGEST}
    assert condition(run.obj, "Complete")["status"] == "True"
    assert condition(run.obj, "Ready")["message"] == "attempt 0 succeeded: accuracy=0.969"


def test_a_plain_run_need_not_report() -> None:
    run = begin()
    run.at(2).job_succeeds("")
    assert run.status["phase"] == "Succeeded"
    assert "metrics" not in run.status


def test_a_run_with_an_output_owes_a_result() -> None:
    run = begin(**OUTPUT)
    run.at(2).job_succeeds("")
    assert "without a result" in invalid(run)


def test_a_run_that_becomes_a_version_owes_a_result() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.at(2).job_succeeds("")
    assert "without a result" in invalid(run)


@pytest.mark.parametrize("message", ["done!", '{"v": 1}', '{"v": 2, "uid": "uid-of-digits-0"}', "[]"])
def test_what_is_reported_has_to_be_right_even_from_a_plain_run(message: str) -> None:
    run = begin()
    run.at(2).job_succeeds(message)
    invalid(run)


def test_an_oversized_result_does_not_count() -> None:
    run = begin()
    run.at(2).job_succeeds(run.result(metrics={f"m{count}": 0.123456789 for count in range(60)}, more="x" * 2000))
    assert "at most 3072" in invalid(run)


def test_another_attempts_result_does_not_count() -> None:
    run = begin()
    run.at(2).job_succeeds(run.result(attempt=1))
    assert "uid-of-digits-0" in invalid(run)


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_metric_that_is_no_number_does_not_count(value: str) -> None:
    run = begin()
    run.at(2).job_succeeds(f'{{"v": 1, "uid": "uid-of-digits-0", "metrics": {{"loss": {value}}}}}')
    assert "metrics.loss" in invalid(run)


def test_a_uri_that_the_api_does_not_take_does_not_count() -> None:
    run = begin(**OUTPUT)
    run.at(2).job_succeeds(run.result(artifacts=[model_artifact(uri="/tmp/model.joblib")]))
    assert "uri" in invalid(run)


def test_a_name_twice_does_not_count() -> None:
    run = begin(**OUTPUT)
    run.at(2).job_succeeds(run.result(artifacts=[model_artifact(), model_artifact()]))
    assert "'model' twice" in invalid(run)


def test_an_invalid_result_is_not_tried_again() -> None:
    run = begin(backoffLimit=5)
    run.at(2).job_succeeds("nonsense")
    assert run.status["attempts"][0]["outcome"] == "Failed"
    assert run.at(10_000).settle().actions == ()


def test_only_replica_0_reports() -> None:
    run = begin(replicas=2, **OUTPUT)
    job = run.job
    run.cluster.pods[job["metadata"]["name"]] = [
        ended(job, 1, "not for us"),
        ended(job, 0, run.result(metrics={"accuracy": 0.5})),
    ]
    run.cluster.store(job_ended(job, at=later(2)))
    run.at(2).settle()
    assert run.status["metrics"] == {"accuracy": 0.5}


def ended(job: Manifest, index: int, message: str) -> Manifest:
    state = {"terminated": {"exitCode": 0, "message": message}}
    return pod_of(job, phase="Succeeded", index=index, main=state)


def test_a_read_that_began_before_the_end_is_not_believed() -> None:
    run = begin(**OUTPUT)
    job = run.job
    run.cluster.pods[job["metadata"]["name"]] = [pod_of(job, phase="Running", main={"running": {}})]
    run.cluster.store(job_ended(job, at=later(2)))
    assert run.at(2).settle().requeue_after == 1
    run.cluster.pods[job["metadata"]["name"]] = [ended(job, 0, run.result(metrics={"accuracy": 0.5}))]
    run.at(3).settle()
    assert run.status["phase"] == "Succeeded"


@pytest.mark.parametrize("spec", [OUTPUT, {}], ids=["owes a result", "plain"])
def test_a_pod_that_is_gone_proves_no_success(spec: Manifest) -> None:
    run = begin(**spec)
    run.cluster.store(job_ended(run.job, at=later(2)))
    assert run.at(2).settle().requeue_after == 1
    run.at(10).settle()
    (attempt,) = run.status["attempts"]
    assert (attempt["outcome"], attempt["reason"]) == ("Disrupted", "PodDeleted")
    assert run.status["phase"] == "Retrying"


def test_the_first_replica_to_fail_is_the_cause() -> None:
    run = begin(replicas=3)
    job = run.job
    first = failed_pod(job, "CUDA out of memory", exit_code=9, index=2)
    first["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = "2026-01-01T11:59:00Z"
    run.cluster.pods[job["metadata"]["name"]] = [failed_pod(job, "lost peer 2", exit_code=143, index=0), first]
    run.cluster.store(job_ended(job, at=later(2), succeeded=False))
    run.at(2).settle()
    (attempt,) = run.status["attempts"]
    assert (attempt["exitCode"], attempt["message"]) == (9, "CUDA out of memory")


def test_a_pod_that_tells_its_end_is_the_cause_before_one_that_does_not() -> None:
    job = begin(replicas=2).job
    silent = pod_of(job, phase="Failed", index=0, status={"reason": "NodeLost"})
    silent["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    telling = failed_pod(job, "out of memory", exit_code=9, index=1)
    assert cause(job_ended(job, at=later(2), succeeded=False), [silent, telling]).exit_code == 9


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Cause("Error", "no such file", 2), "Error (exit code 2): no such file"),
        (Cause("Error", "", 2), "Error (exit code 2)"),
        (Cause("Evicted", "low on memory"), "Evicted: low on memory"),
        (Cause("Evicted", ""), "Evicted"),
    ],
)
def test_a_cause_in_words(found: Cause, words: str) -> None:
    assert str(found) == words
