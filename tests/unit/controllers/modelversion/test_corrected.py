# SPDX-License-Identifier: Apache-2.0
"""A verification whose pod cannot start is made again when the version or the installation corrects what keeps it."""

from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.shared.task_disruptions import ANNOTATION
from mlops_operator.kube.resources import MODEL_VERSIONS
from tests.unit.controllers.builders import condition, job_started, later, pod_of
from tests.unit.controllers.corrections import CORRECTED, TOLERATIONS, same, stuck, tolerations
from tests.unit.controllers.lost import by_the_cluster
from tests.unit.controllers.modelversion.driver import NAME, begin


def test_a_verification_is_made_again_with_the_versions_new_options() -> None:
    version = begin()
    job = stuck(version.cluster, version.controller, NAME)
    assert same(job, version.cluster)
    version.cluster.edit(MODEL_VERSIONS, NAME, taskPods={"tolerations": TOLERATIONS})
    version.settle()
    assert tolerations(version.cluster) == TOLERATIONS
    version.verified()
    assert condition(version.obj, "Ready")["status"] == "True"


def test_a_verification_is_made_again_with_the_installations_new_options() -> None:
    version = begin()
    stuck(version.cluster, version.controller, NAME)
    version.cluster.settle(ModelVersionController(CORRECTED), NAME)
    assert tolerations(version.cluster) == TOLERATIONS


def test_a_verification_that_runs_is_left_alone() -> None:
    version = begin()
    job = version.job
    version.cluster.store(job_started(job, at=later(0), ready=1))
    version.cluster.edit(MODEL_VERSIONS, NAME, taskPods={"tolerations": TOLERATIONS})
    version.at(5).settle()
    assert same(job, version.cluster)


def test_a_version_whose_job_was_refused_is_verified_with_other_options() -> None:
    version = begin()
    version.cluster.world.remove(version.job)
    version.cluster.refuse["Job"] = (422, "Invalid", "tolerations[0].operator: must be Exists")
    version.settle()
    assert condition(version.obj, "Stalled")["reason"] == "InvalidPodTemplate"
    version.cluster.refuse.clear()
    assert version.settle().actions == ()
    version.cluster.edit(MODEL_VERSIONS, NAME, taskPods={"tolerations": TOLERATIONS})
    version.settle()
    assert tolerations(version.cluster) == TOLERATIONS


def test_a_corrupt_artifact_is_not_verified_again_with_other_options() -> None:
    version = begin()
    version.at(3).fails("ArtifactCorrupt", exit_code=4)
    corrupt = condition(version.obj, "Stalled")["reason"]
    version.cluster.world.remove(version.job)
    version.cluster.edit(MODEL_VERSIONS, NAME, taskPods={"tolerations": TOLERATIONS})
    assert version.settle().actions == ()
    assert condition(version.obj, "Stalled")["reason"] == corrupt == "ArtifactCorrupt"


def test_a_pod_that_the_cluster_took_is_remembered_by_the_job() -> None:
    version = begin()
    name = version.job["metadata"]["name"]
    version.cluster.store(job_started(version.job, at=later(1)))
    version.cluster.pods[name] = [by_the_cluster(pod_of(version.job), later(2))]
    version.at(5).settle()
    assert '"count":"1"' in version.job["metadata"]["annotations"][ANNOTATION]
    version.cluster.pods[name] = []
    version.settle()
    assert condition(version.obj, "Ready")["message"].startswith("disruption 1, which uses up no try")
