# SPDX-License-Identifier: Apache-2.0
"""Tasks whose pods no node takes, and an installation that corrects it."""

from typing import Any, Final

from mlops_operator.api.common import PodOptions
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.controller import Controller
from tests.unit.controllers.builders import NO_NODE, ToyCluster, job_started, later, pod_of
from tests.unit.controllers.nodes import unscheduled

TOLERATIONS: Final = [{"key": "pool", "operator": "Exists"}]
CORRECTED: Final = Settings(task_pods=PodOptions.model_validate({"tolerations": TOLERATIONS}))


def stuck(toy: ToyCluster, controller: Controller, name: str, seconds: float = 5) -> Manifest:
    """The object's Job, whose pod no node takes."""
    job = toy.only(JOBS)
    toy.store(job_started(job, at=toy.now))
    toy.pods[job["metadata"]["name"]] = [pod_of(job, conditions=[unscheduled(NO_NODE)])]
    toy.now = later(seconds)
    toy.settle(controller, name)
    return job


def tolerations(toy: ToyCluster) -> Any:
    return toy.only(JOBS)["spec"]["template"]["spec"].get("tolerations")


def same(job: Manifest, toy: ToyCluster) -> bool:
    return bool(toy.only(JOBS)["metadata"]["uid"] == job["metadata"]["uid"])
