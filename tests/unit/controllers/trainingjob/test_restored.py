# SPDX-License-Identifier: Apache-2.0
"""A TrainingJob from a backup does not run again where the version that it made exists."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.controllers.trainingjob.names import ANNOTATION_RESTORED_FROM
from mlops_operator.controllers.trainingjob.observed import waiting_for_version
from mlops_operator.controllers.trainingjob.policies.restored import made_before
from mlops_operator.controllers.trainingjob.spec_digest import spec_digest
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, RETRAIN_POLICIES, TRAINING_JOBS
from tests.unit.controllers.builders import condition, job_ended, job_started, key_of, make, succeeded_pod
from tests.unit.controllers.trainingjob.driver import NAME, Run, begin, model_artifact

SPEC: dict[str, Any] = {"model": "m", "parameters": {"trees": 5}, "resources": {"limits": {"cpu": "500m"}}}
MODEL = make(MODELS, "m", spec={}, status={"observedGeneration": 1})


def trained(**spec: Any) -> Manifest:
    """The version that a run made, as it is in a backup."""
    run = begin(MODEL, **{**SPEC, **spec})
    run.at(2).job_runs()
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()], metrics={"accuracy": 0.97}))
    version = run.cluster.only(MODEL_VERSIONS)
    version["metadata"]["uid"] = "new-uid"
    version.pop("status", None)
    return version


def jobs(run: Run) -> list[str]:
    return [job["metadata"]["name"] for job in run.cluster.world.all(JOBS)]


def restored(*others: Manifest, annotations: dict[str, str] | None = None, **changes: Any) -> Run:
    """The same TrainingJob, created again as another object without its status."""
    run = Run({**SPEC, **changes}, *others)
    obj = run.obj
    obj["metadata"] |= {"uid": "another-uid", "annotations": annotations or {}}
    run.cluster.store(obj)
    run.settle()
    return run


def test_it_succeeds_with_the_version_and_creates_no_job() -> None:
    version = trained()
    run = restored(MODEL, version)
    assert jobs(run) == []
    assert run.status["phase"] == "Succeeded"
    assert run.status["modelVersion"] == version["metadata"]["name"]
    assert run.status["metrics"] == {"accuracy": 0.97}
    assert run.status["artifacts"][0]["digest"] == version["spec"]["artifact"]["digest"]
    for kind in ("Ready", "Complete"):
        found = condition(run.obj, kind)
        assert (found["status"], found["reason"]) == ("True", "Restored")
    assert "another name" in condition(run.obj, "Ready")["message"]
    assert run.events == ["Restored"]


def test_spellings_defaults_and_limits_make_no_other_spec() -> None:
    changes: dict[str, Any] = {
        "resources": {"limits": {"cpu": "0.5"}},
        "replicas": 1,
        "backoffLimit": 0,
        "suspend": True,
        "ttlSecondsAfterFinished": 100,
        "activeDeadlineSeconds": 60,
        "dataDeadline": "1m",
        "disruptionLimit": 2,
    }
    assert restored(MODEL, trained(), **changes).status["phase"] == "Succeeded"


@pytest.mark.parametrize(
    "changes", [{"parameters": {"trees": 6}}, {"image": "example/train:2"}, {"seed": 1}, {"env": [{"name": "A"}]}]
)
def test_another_spec_runs(changes: dict[str, Any]) -> None:
    assert len(jobs(restored(MODEL, trained(), **changes))) == 1


def test_a_version_of_another_training_model_or_without_a_digest_does_not_count() -> None:
    for path, value in (("model", "other"), ("name", "other"), ("specDigest", None)):
        version = trained()
        if path == "model":
            version["spec"]["model"] = value
        else:
            version["spec"]["lineage"]["trainingJob"][path] = value
        assert len(jobs(restored(MODEL, version))) == 1, path


def test_a_version_that_is_being_deleted_does_not_count() -> None:
    version = trained()
    version["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert len(jobs(restored(MODEL, version))) == 1


def test_the_digest_is_that_of_the_spec_that_ran_and_not_of_a_later_one() -> None:
    run = begin(MODEL, **SPEC)
    run.at(2).job_runs()
    run.edit(parameters={"trees": 99})
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]))
    lineage = run.cluster.only(MODEL_VERSIONS)["spec"]["lineage"]
    ran = TrainingJobSpec.model_validate({"image": "example/train:1", **SPEC})
    assert lineage["trainingJob"]["specDigest"] == spec_digest(ran)


def test_a_version_that_appears_while_an_attempt_runs_changes_nothing() -> None:
    version = trained()
    run = restored(MODEL)
    run.at(1).job_runs()
    run.cluster.world.put(version)
    run.settle()
    assert run.status["phase"] == "Running"
    job = run.cluster.store(job_started(run.job, at=run.cluster.now, ready=1))
    run.cluster.pods[job["metadata"]["name"]] = [succeeded_pod(job, "not a result")]
    run.cluster.store(job_ended(job, at=run.cluster.now))
    run.settle()
    assert run.status["phase"] == "Failed"


def test_it_waits_while_the_model_restores_an_alias_and_starts_when_restore_is_removed() -> None:
    alias = {"name": "champion", "restore": {"version": "v1", "digest": f"sha256:{'a' * 64}"}}
    run = restored(make(MODELS, "m", spec={"aliases": [alias]}, status={"observedGeneration": 1}))
    assert jobs(run) == []
    assert condition(run.obj, "Ready")["reason"] == "RestorePending"
    run.cluster.edit(MODELS, "m", aliases=[{"name": "champion"}])
    run.settle()
    assert len(jobs(run)) == 1


def test_it_waits_for_the_version_that_the_backup_names_in_whatever_order_they_come() -> None:
    version = trained()
    run = restored(annotations={ANNOTATION_RESTORED_FROM: version["metadata"]["name"]})
    assert condition(run.obj, "Ready")["reason"] == "ModelNotFound"
    run.cluster.world.put(MODEL)
    run.settle()
    ready = condition(run.obj, "Ready")
    assert ready["reason"] == "ModelVersionNotFound"
    assert ANNOTATION_RESTORED_FROM in ready["message"]
    assert list(waiting_for_version(version, run.cluster.world)) == [key_of(run.obj)]
    run.cluster.world.put(version)
    run.settle()
    assert jobs(run) == []
    assert run.status["phase"] == "Succeeded"


def test_a_version_enqueues_only_a_training_that_waits_for_it() -> None:
    version = trained()
    assert list(waiting_for_version(version, restored(MODEL).cluster.world)) == []
    assert any(watch.resource == MODEL_VERSIONS for watch in TrainingJobController.watches)


def owned(uid: str) -> Run:
    """A TrainingJob that a policy with this UID controls."""
    policy = make(RETRAIN_POLICIES, "weekly", spec={})
    run = Run(SPEC, MODEL, policy, trained())
    owner = make(RETRAIN_POLICIES, "weekly", spec={}, uid=uid)
    obj = make(TRAINING_JOBS, NAME, spec=run.obj["spec"], status={"observedGeneration": -1}, owner=owner)
    run.cluster.store(obj)
    run.settle()
    return run


def test_a_training_of_a_policy_that_exists_runs_whatever_version_names_it() -> None:
    assert len(jobs(owned("uid-of-weekly"))) == 1


def test_a_training_of_a_deleted_policy_does_not_start() -> None:
    run = owned("deleted")
    assert jobs(run) == []
    assert run.status["phase"] == "Succeeded", "its version is there"
    run = owned("deleted")
    run.cluster.world.remove(run.cluster.only(MODEL_VERSIONS))
    obj = run.obj
    obj["status"] = {"observedGeneration": -1}
    run.cluster.store(obj)
    plan = run.settle()
    assert jobs(run) == []
    assert condition(run.obj, "Ready")["reason"] == "OwnerNotFound"
    assert plan.requeue_after == 10


@pytest.mark.parametrize(("preferred", "found"), [(None, "v2"), ("v1", "v1"), ("v2", "v2"), ("another", "v2")])
def test_of_several_versions_the_preferred_or_the_newest_counts(preferred: str | None, found: str) -> None:
    lineage = {"trainingJob": {"name": NAME, "specDigest": "d"}}
    versions = [
        {"metadata": {"name": name, "creationTimestamp": created}, "spec": {"model": "m", "lineage": lineage}}
        for name, created in (
            ("v3", "2026-01-01T00:00:01Z"),
            ("v2", "2026-01-01T00:00:03Z"),
            ("v1", "2026-01-01T00:00:02Z"),
        )
    ]
    version = made_before(versions, training_job=NAME, model="m", spec_digest="d", preferred=preferred)
    assert version is not None
    assert version["metadata"]["name"] == found
