# SPDX-License-Identifier: Apache-2.0
"""The folders of attempts: what is recorded of them, and what the Model removes."""

from itertools import pairwise

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.shared.stores import own_folder
from mlops_operator.controllers.shared.watches import trim_job
from mlops_operator.controllers.trainingjob.names import ANNOTATION_OUTPUT
from mlops_operator.kube.resources import MODELS, TRAINING_JOBS
from tests.unit.controllers.builders import NAMESPACE, make
from tests.unit.controllers.trainingjob.driver import NAME, Run, begin

MODEL = make(MODELS, "digits", spec={})


def trimmed(run: Run) -> Run:
    """The Job as the cache has it."""
    run.cluster.store(trim_job(run.job))
    return run


def outputs(run: Run) -> list[str | None]:
    return [entry.get("output") for entry in run.status["attempts"]]


def test_each_attempt_records_the_folder_that_its_job_was_made_with() -> None:
    run = trimmed(begin(MODEL, model="digits", backoffLimit=1))
    run.cluster.edit(TRAINING_JOBS, NAME, output={"uri": "pvc://other/sub/"})
    run.job_fails()
    run.at(60).settle()
    trimmed(run).job_fails()
    own = f"trainingjobs/{own_folder(run.obj)}"
    assert run.status["phase"] == "Failed"
    assert outputs(run) == [f"pvc://mlops-artifacts/{own}/0", f"pvc://other/sub/{own}/1"]


def test_a_run_that_keeps_nothing_has_no_folder() -> None:
    run = begin(backoffLimit=0)
    run.job_fails()
    assert outputs(run) == [None]


@pytest.mark.parametrize(
    "claim",
    [
        "pvc://mlops-artifacts",
        "pvc://victim/trainingjobs/other-12345678/0",
        "pvc://victim/trainingjobs/{own}/1",
        "pvc://victim/trainingjobs/{own}",
        "pvc://victim/../x/trainingjobs/{own}/0",
        "s3://victim/trainingjobs/{own}/0",
        "",
    ],
)
def test_a_job_that_somebody_marked_names_no_folder_of_others(claim: str) -> None:
    run = begin(MODEL, model="digits", backoffLimit=0)
    job = run.job
    job["metadata"]["annotations"][ANNOTATION_OUTPUT] = claim.format(own=own_folder(run.obj))
    run.cluster.store(job)
    run.job_fails()
    assert (run.status["phase"], outputs(run)) == ("Failed", [None])


# -- what the Model removes ----------------------------------------------------------------


def removing(*folders: str, started: bool = True, uid: str = f"uid-of-{NAME}") -> Manifest:
    """The Model whose policy removes these folders."""
    at = {"markedAt": "2026-01-01T12:00:00Z", **({"startedAt": "2026-01-01T12:01:00Z"} if started else {})}
    removals = [{"trainingJob": NAME, "trainingJobUid": uid, "folder": folder, **at} for folder in folders]
    return {**MODEL, "status": {"retention": {"runs": {"removals": removals}}}}


def ended() -> Run:
    run = begin(MODEL, model="digits", backoffLimit=0)
    run.job_fails()
    return run


def test_a_folder_is_recorded_when_its_removal_has_started_and_stays() -> None:
    run = ended()
    run.cluster.world.put(removing("pvc://a/b", started=False))
    run.settle()
    assert "removedFolders" not in run.status
    for model in (removing("pvc://a/b"), removing("pvc://a/b", "pvc://c/d"), removing("pvc://c/d"), MODEL):
        run.cluster.world.put(model)
        run.settle()
    assert (run.status["removedFolders"], run.status["phase"]) == (["pvc://a/b", "pvc://c/d"], "Failed")


def test_a_removal_of_another_object_of_the_name_is_not_recorded() -> None:
    run = ended()
    run.cluster.world.put(removing("pvc://a/b", uid="another"))
    run.settle()
    assert "removedFolders" not in run.status


def test_a_training_that_has_not_ended_records_nothing() -> None:
    run = begin(removing("pvc://a/b"), model="digits")
    run.job_runs()
    assert "removedFolders" not in run.status


def test_a_removal_that_changes_wakes_its_training_alone() -> None:
    run = ended()
    (watch,) = (watch for watch in run.controller.watches if watch.resource == MODELS)
    assert watch.between is not None
    models = (MODEL, removing("pvc://a/b", started=False), removing("pvc://a/b"), MODEL)
    for old, new in pairwise(models):
        assert list(watch.between(old, new, run.cluster.world)) == [Key(NAMESPACE, NAME)]
        assert list(watch.between(new, new, run.cluster.world)) == []
