# SPDX-License-Identifier: Apache-2.0
"""What a TrainingJob costs: the numbers are a promise."""

from collections.abc import Callable

from mlops_operator.kube.resources import MODELS
from tests.unit.controllers.builders import make
from tests.unit.controllers.trainingjob.driver import begin, model_artifact


def test_a_single_job_costs_three_writes_and_one_read() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(60).job_succeeds()
    job = run.job["metadata"]["name"]
    assert run.cluster.writes == [f"create Job {job}", "status TrainingJob digits", "status TrainingJob digits"]
    assert len(run.cluster.reads) == 1
    assert run.events == []


def test_a_job_that_is_over_before_it_was_seen_running_costs_two_writes() -> None:
    run = begin()
    run.at(1).job_succeeds()
    assert [write.split()[0] for write in run.cluster.writes] == ["create", "status"]
    assert run.status["phase"] == "Succeeded"


def test_a_version_costs_one_write_more() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.at(2).job_runs()
    run.at(60).job_succeeds(run.result(artifacts=[model_artifact()]))
    assert [write.split()[:2] for write in run.cluster.writes] == [
        ["create", "Job"],
        ["status", "TrainingJob"],
        ["create", "ModelVersion"],
        ["status", "TrainingJob"],
    ]


def test_several_replicas_cost_one_write_more() -> None:
    run = begin(replicas=3)
    assert [write.split()[:2] for write in run.cluster.writes] == [["create", "Job"], ["create", "Service"]]


def test_a_further_attempt_costs_its_record_its_job_and_one_read() -> None:
    run = begin()
    run.at(1).job_fails()
    run.at(12).settle()
    run.at(14).job_runs()
    run.at(20).job_succeeds()
    assert [write.split()[0] for write in run.cluster.writes] == ["create", "status", "create", "status", "status"]
    assert len(run.cluster.reads) == 2


def test_an_unchanged_world_costs_nothing_at_every_stage() -> None:
    run = begin()
    stages: tuple[Callable[[], object], ...] = (lambda: run.at(2).job_runs(), lambda: run.at(60).job_succeeds())
    for happens in stages:
        happens()
        writes = len(run.cluster.writes)
        run.settle()
        assert len(run.cluster.writes) == writes


def test_a_finished_job_is_not_read_again() -> None:
    run = begin()
    run.at(2).job_succeeds()
    reads = len(run.cluster.reads)
    run.at(1000).settle()
    assert len(run.cluster.reads) == reads
