# SPDX-License-Identifier: Apache-2.0
"""An Evaluation from its creation to its verdict, in a toy cluster."""

import json
from typing import Any

import pytest

from mlops_contract.models.result import Result
from mlops_contract.requests.evaluation import EvaluationRequest
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.stores import own_folder
from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODELS
from tests.harness.evaluations import counts_of_rule, figures_of_rule
from tests.unit.controllers.builders import (
    ToyCluster,
    ToyWorld,
    condition,
    failed_pod,
    job_ended,
    job_started,
    later,
    make,
    pod_of,
    succeeded_pod,
)
from tests.unit.controllers.nodes import unscheduled
from tests.unit.controllers.versions import model_version
from tests.unit.controllers.views import variables, views, volumes

CONTROLLER = EvaluationController(Settings())
NAME = "digits-b-vs-a"
FLOOR: Manifest = {"name": "accuracy", "slice": "original", "min": 0.93}
CHANGE: Manifest = {"name": "accuracy", "change": {"min": 0.0, "confidence": 0.95}}


def evaluation(**spec: Any) -> Manifest:
    fields: Manifest = {
        "candidate": "digits-b",
        "baseline": "digits-a",
        "data": [{"name": "holdout", "uri": "pvc://data/holdout.npz"}],
        "metrics": [FLOOR, CHANGE],
        **spec,
    }
    spec = {name: value for name, value in fields.items() if value is not None}
    return make(EVALUATIONS, NAME, spec=spec, status={"observedGeneration": -1})


def cluster(obj: Manifest | None = None, *others: Manifest) -> ToyCluster:
    versions = others or (model_version("digits-a"), model_version("digits-b"))
    return ToyCluster(ToyWorld(obj or evaluation(), *versions))


def started(**spec: Any) -> tuple[ToyCluster, Manifest]:
    toy = cluster(evaluation(**spec))
    toy.settle(CONTROLLER, NAME)
    return toy, toy.only(JOBS)


def report(toy: ToyCluster, job: Manifest, *, candidate: float = 0.95, original: float = 0.95) -> None:
    """The Job ends well and reports these figures."""
    result = Result(
        uid="uid-of-digits-b-vs-a-evaluate",
        metrics=figures_of_rule(0, original, 0.96, floor=0.93) | figures_of_rule(1, candidate, 0.75),
        counts={**counts_of_rule(0, 449), **counts_of_rule(1, 898, discordant=200), "unlabeled": 3, "duplicates": 2},
        data=({"name": "holdout", "digest": "sha256:" + "d" * 64},),
    )
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, result.to_message())]
    toy.store(job_ended(job, at=later(10)))


def status(toy: ToyCluster) -> Manifest:
    return dict(toy.get(EVALUATIONS, NAME)["status"])


def test_the_job_gets_both_versions_the_data_and_the_rules_but_no_verdict_of_ours() -> None:
    _, job = started()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    configuration = json.loads(env["MLOPS_EVALUATION"])
    assert container["command"] == ["python3", "-m", "mlops_workload.evaluate"]
    assert configuration["candidate"]["uri"] == "pvc://models/digits-b"
    assert configuration["baseline"]["digest"] == model_version("digits-a")["spec"]["artifact"]["digest"]
    assert configuration["data"] == [{"name": "holdout", "uri": "pvc://data/holdout.npz"}]
    assert configuration["metrics"] == [
        {"name": "accuracy", "slice": "original", "min": 0.93},
        {"name": "accuracy", "change": 0.0, "confidence": 0.95},
    ]
    assert env["MLOPS_OUTPUT_URI"].startswith("pvc://mlops-artifacts/evaluations/digits-b-vs-a-")


def test_each_container_sees_its_own_part_and_no_more() -> None:
    _, job = started()
    report_folder = f"evaluations/{own_folder(evaluation())}"
    assert views(job) == {
        "fetch": {
            "/tmp": "tmp-fetch (rw)",
            "/mnt/pvc/data": "pvc-data (ro)",
            "/mnt/pvc/models": "pvc-models (ro)",
            "/mnt/candidate": "candidate (rw)",
            "/mnt/baseline": "baseline (rw)",
            "/mnt/rows": "rows (rw)",
            "/mnt/inputs": "inputs (rw)",
        },
        "predict-candidate": {
            "/tmp": "tmp-predict-candidate (rw)",
            "/dev/shm": "tmp-predict-candidate (rw)",
            "/mnt/model": "candidate (ro)",
            "/mnt/inputs": "inputs (ro)",
            "/mnt/predictions": "predictions-candidate (rw)",
        },
        "predict-baseline": {
            "/tmp": "tmp-predict-baseline (rw)",
            "/dev/shm": "tmp-predict-baseline (rw)",
            "/mnt/model": "baseline (ro)",
            "/mnt/inputs": "inputs (ro)",
            "/mnt/predictions": "predictions-baseline (rw)",
        },
        "main": {
            "/tmp": "tmp (rw)",
            f"/mnt/pvc/mlops-artifacts/{report_folder}": f"pvc-mlops-artifacts/{report_folder} (rw)",
            "/mnt/rows": "rows (ro)",
            "/mnt/predictions/candidate": "predictions-candidate (ro)",
            "/mnt/predictions/baseline": "predictions-baseline (ro)",
        },
    }


def test_only_the_judge_can_report() -> None:
    _, job = started()
    assert variables(job) == {
        "fetch": {"MLOPS_EVALUATION", "MLOPS_PVC_ROOT"},
        "predict-candidate": set(),
        "predict-baseline": set(),
        "main": {"MLOPS_EVALUATION", "MLOPS_PVC_ROOT", "MLOPS_OUTPUT_URI", "MLOPS_RUN_UID", "MLOPS_RESULT_PATH"},
    }
    annotations = job["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"mlops-operator.io/foreign-containers": "predict-candidate,predict-baseline"}


def test_what_foreign_code_may_write_is_bounded() -> None:
    _, job = started()
    writable = {
        shown.removesuffix(" (rw)")
        for name, seen in views(job).items()
        if name.startswith("predict-")
        for shown in seen.values()
        if shown.endswith("(rw)")
    }
    assert all(volumes(job)[name]["emptyDir"]["sizeLimit"] == "1Gi" for name in writable)
    assert set(volumes(job)) == {
        *("tmp", "tmp-fetch", "tmp-predict-candidate", "tmp-predict-baseline"),
        *("candidate", "baseline", "rows", "inputs", "predictions-candidate", "predictions-baseline"),
        *("pvc-data", "pvc-models", "pvc-mlops-artifacts"),
    }


def test_the_models_run_by_their_format_and_apart() -> None:
    _, job = started()
    containers = {entry["name"]: entry for entry in job["spec"]["template"]["spec"]["initContainers"]}
    for role in ("candidate", "baseline"):
        container = containers[f"predict-{role}"]
        assert container["command"] == ["python3", "-m", "mlops_workload.predict"]
        assert container["args"] == [
            *("--role", role, "--format", "sklearn"),
            *("--model", "/mnt/model", "--inputs", "/mnt/inputs", "--output", "/mnt/predictions"),
        ]
    assert list(containers) == ["fetch", "predict-candidate", "predict-baseline"]


def test_without_a_baseline_there_is_nothing_of_it() -> None:
    _, job = started(baseline=None)
    assert set(views(job)) == {"fetch", "predict-candidate", "main"}
    assert not [name for name in volumes(job) if "baseline" in name]
    assert "--baseline" not in job["spec"]["template"]["spec"]["containers"][0]["args"]


def test_the_workload_understands_its_configuration() -> None:
    _, job = started()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    text = next(entry["value"] for entry in container["env"] if entry["name"] == "MLOPS_EVALUATION")
    read = EvaluationRequest.read(text)
    assert [metric.key for metric in read.metrics] == ["accuracy@original", "accuracy"]


def test_it_costs_three_writes_and_one_read_and_then_nothing() -> None:
    toy, job = started()
    report(toy, job)
    toy.settle(CONTROLLER, NAME)
    assert [write.split()[0] for write in toy.writes] == ["create", "status", "status"]
    assert len(toy.reads) == 1


def test_the_verdict_comes_with_its_numbers_data_and_times() -> None:
    toy, job = started()
    report(toy, job)
    toy.settle(CONTROLLER, NAME)
    found = status(toy)
    assert (found["phase"], found["verdict"]) == ("Succeeded", "Pass")
    assert [metric["verdict"] for metric in found["metrics"]] == ["Pass", "Pass"]
    assert found["metrics"][1]["lower"] == pytest.approx(0.1902)
    assert found["metrics"][1]["discordant"] == 200
    assert (found["unlabeled"], found["duplicates"]) == (3, 2)
    assert found["data"] == [{"name": "holdout", "digest": "sha256:" + "d" * 64}]
    assert condition(toy.get(EVALUATIONS, NAME), "Ready")["status"] == "True"


def test_a_candidate_below_the_floor_fails_and_says_by_how_much() -> None:
    toy, job = started()
    report(toy, job, original=0.5)
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "Fail"
    message = condition(toy.get(EVALUATIONS, NAME), "Ready")["message"]
    assert message == "Fail: accuracy@original: 0.5 is below the minimum of 0.93 (p = 0)"
    assert toy.events[-1].type == "Warning"


def test_an_interval_around_the_limit_is_inconclusive() -> None:
    toy, job = started()
    report(toy, job, candidate=0.751)
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "Inconclusive"


@pytest.mark.parametrize(("before", "verdict"), [(0, "Pass"), (1, "Inconclusive")])
def test_gates_on_the_same_rows_are_counted_by_the_model(before: int, verdict: str) -> None:
    draws = [{"data": "sha256:" + "d" * 64, "count": 1, "last": "2026-01-01T00:00:00Z", "artifacts": ["a" * 12]}]
    model = make(MODELS, "digits", spec={}, status={"gateDraws": draws if before else []})
    toy = cluster(None, model_version("digits-a"), model_version("digits-b"), model)
    toy.settle(CONTROLLER, NAME)
    # Two standard errors above the baseline: p = 0.0228
    report(toy, toy.only(JOBS), candidate=0.76)
    toy.settle(CONTROLLER, NAME)
    assert (status(toy)["verdict"], status(toy)["gatesBefore"]) == (verdict, before)


def test_a_verdict_never_changes() -> None:
    toy, job = started()
    report(toy, job)
    toy.settle(CONTROLLER, NAME)
    before = status(toy)
    report(toy, job, original=0.1)
    toy.world.remove(toy.only(JOBS))
    plan = toy.settle(CONTROLLER, NAME)
    assert plan.actions == ()
    assert status(toy) == before


@pytest.mark.parametrize("missing", ["digits-a", "digits-b"])
def test_it_waits_for_a_version_that_is_not_there_and_starts_when_it_is(missing: str) -> None:
    present = {"digits-a", "digits-b"} - {missing}
    toy = cluster(None, *(model_version(name) for name in present))
    plan = toy.settle(CONTROLLER, NAME)
    assert plan.requeue_after is None
    assert status(toy)["waiting"]["reason"] == "ModelVersionNotFound"
    assert condition(toy.get(EVALUATIONS, NAME), "Reconciling")["status"] == "True"
    toy.world.put(model_version(missing))
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["phase"] == "Running"
    assert "waiting" not in status(toy)


def test_it_waits_for_a_version_that_is_not_verified() -> None:
    toy = cluster(None, model_version("digits-a"), model_version("digits-b", ready=False))
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["waiting"]["reason"] == "ModelVersionNotReady"
    assert toy.world.all(JOBS) == []


def test_without_a_baseline_and_an_absolute_rule_nothing_can_be_decided() -> None:
    toy = cluster(evaluation(baseline=None, metrics=[CHANGE]))
    toy.settle(CONTROLLER, NAME)
    assert (status(toy)["phase"], status(toy)["verdict"]) == ("Failed", "NoData")
    assert condition(toy.get(EVALUATIONS, NAME), "Stalled")["reason"] == "NoAbsoluteRule"
    assert toy.world.all(JOBS) == []


def test_without_a_baseline_the_floor_alone_decides() -> None:
    toy, job = started(baseline=None)
    report(toy, job)
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "Pass"


def test_a_failed_job_is_an_error_in_the_workloads_words() -> None:
    toy, job = started()
    message = json.dumps({"reason": "ArtifactCorrupt", "message": "expected sha256:a, found sha256:b"})
    toy.pods[job["metadata"]["name"]] = [failed_pod(job, message, exit_code=4)]
    toy.store(job_ended(job, at=later(10), succeeded=False))
    toy.settle(CONTROLLER, NAME)
    assert (status(toy)["phase"], status(toy)["verdict"]) == ("Failed", "Error")
    stalled = condition(toy.get(EVALUATIONS, NAME), "Stalled")
    assert stalled["reason"] == "JobFailed"
    assert stalled["message"] == (
        "ArtifactCorrupt: expected sha256:a, found sha256:b; "
        f"logs: kubectl logs -n team-a -l mlops-operator.io/evaluation={NAME} --all-containers --tail=-1"
    )


@pytest.mark.parametrize("message", ["", "{", '{"v":1,"uid":"another run"}'])
def test_an_end_without_a_valid_result_is_an_error(message: str) -> None:
    toy, job = started()
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, message)]
    toy.store(job_ended(job, at=later(10)))
    toy.settle(CONTROLLER, NAME)
    assert (status(toy)["phase"], status(toy)["verdict"]) == ("Failed", "Error")
    assert condition(toy.get(EVALUATIONS, NAME), "Stalled")["reason"] == "ResultInvalid"


def test_a_report_at_an_impossible_place_makes_the_result_invalid() -> None:
    toy, job = started()
    result = Result(
        uid="uid-of-digits-b-vs-a-evaluate",
        counts={"all": 898},
        report={"uri": "file:///somewhere", "digest": "sha256:" + "d" * 64},
    )
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, result.to_message())]
    toy.store(job_ended(job, at=later(10)))
    toy.settle(CONTROLLER, NAME)
    stalled = condition(toy.get(EVALUATIONS, NAME), "Stalled")
    assert stalled["reason"] == "ResultInvalid"
    assert stalled["message"].startswith("report.uri")


def test_data_that_was_not_asked_for_is_not_recorded() -> None:
    toy, job = started()
    data = [{"name": name, "digest": "sha256:" + "d" * 64} for name in ("holdout", "holdout", *map(str, range(9)))]
    result = Result(uid="uid-of-digits-b-vs-a-evaluate", counts={"all": 898}, data=data)
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, result.to_message())]
    toy.store(job_ended(job, at=later(10)))
    toy.settle(CONTROLLER, NAME)
    assert [entry["name"] for entry in status(toy)["data"]] == ["holdout"]


def test_an_image_that_is_not_there_is_written_once_though_the_kubelet_words_it_in_turns() -> None:
    toy, job = started()
    toy.store(job_started(job, at=later(0)))
    toy.now = later(5)
    waits = ("ErrImagePull", "failed to pull"), ("ImagePullBackOff", "back-off pulling")
    for reason, message in (*waits, *waits):
        waiting = {"waiting": {"reason": reason, "message": message}}
        toy.pods[job["metadata"]["name"]] = [pod_of(job, main=waiting)]
        toy.settle(CONTROLLER, NAME)
    assert [write.split()[0] for write in toy.writes] == ["create", "status", "status"]
    assert condition(toy.get(EVALUATIONS, NAME), "Ready")["message"] == "failed to pull"


def test_pods_that_were_read_before_the_end_do_not_make_a_result_invalid() -> None:
    toy, job = started()
    toy.pods[job["metadata"]["name"]] = [pod_of(job, phase="Running", main={"running": {}})]
    toy.store(job_ended(job, at=later(10)))
    plan = toy.step(CONTROLLER, NAME)
    assert plan.requeue_after is not None
    assert status(toy)["phase"] == "Running"
    report(toy, job)
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "Pass"


def test_a_job_deleted_by_hand_is_made_again() -> None:
    toy, job = started()
    toy.world.remove(job)
    toy.settle(CONTROLLER, NAME)
    assert toy.only(JOBS)["metadata"]["name"] == job["metadata"]["name"]


def test_what_keeps_the_job_from_running_is_said_and_forgotten_when_it_runs() -> None:
    toy, job = started()
    toy.now = later(5)
    toy.pods[job["metadata"]["name"]] = [
        pod_of(job, conditions=[unscheduled('persistentvolumeclaim "data" not found')])
    ]
    toy.store(job_started(job, at=later(0)))
    plan = toy.settle(CONTROLLER, NAME)
    assert status(toy)["waiting"]["reason"] == "VolumeNotFound"
    assert plan.requeue_after is not None
    toy.store(job_started(job, at=later(0), ready=1))
    toy.settle(CONTROLLER, NAME)
    assert "waiting" not in status(toy)
    assert condition(toy.get(EVALUATIONS, NAME), "Ready")["reason"] == "Running"


def test_a_status_that_was_lost_names_again_what_the_job_measures() -> None:
    toy, job = started()
    before = status(toy)
    toy.store({**toy.get(EVALUATIONS, NAME), "status": {}})
    toy.store(job_started(job, at=later(0), ready=1))
    toy.settle(CONTROLLER, NAME)
    assert {role: status(toy)[role] for role in ("candidate", "baseline")} == {
        role: before[role] for role in ("candidate", "baseline")
    }
