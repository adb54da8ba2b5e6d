# SPDX-License-Identifier: Apache-2.0
"""Phase and conditions of every kind agree: the table is complete, and the tests' own worlds keep it.

The model checks (`tests/unit/modelcheck`) hold every status that a plan writes against the same table.
"""

from enum import StrEnum

import pytest

from mlops_operator.api.evaluation import EvaluationPhase
from mlops_operator.api.model import ModelPhase
from mlops_operator.api.modeldeployment import DeploymentPhase
from mlops_operator.api.modelmonitor import MonitorPhase
from mlops_operator.api.modelversion import ModelVersionPhase
from mlops_operator.api.promotion import PromotionPhase
from mlops_operator.api.retrainpolicy import PolicyPhase
from mlops_operator.api.trainingjob import TrainingPhase
from mlops_operator.kube.resources import PODS
from tests.harness.phases import PHASES, contradictions
from tests.unit.controllers.modeldeployment.scene import Scene

ALL: dict[str, type[StrEnum]] = {
    "Evaluation": EvaluationPhase,
    "Model": ModelPhase,
    "ModelDeployment": DeploymentPhase,
    "ModelMonitor": MonitorPhase,
    "ModelVersion": ModelVersionPhase,
    "Promotion": PromotionPhase,
    "RetrainPolicy": PolicyPhase,
    "TrainingJob": TrainingPhase,
}


@pytest.mark.parametrize("kind", ALL)
def test_every_phase_of_a_kind_is_in_the_table(kind: str) -> None:
    assert set(PHASES[kind]) == {phase.value for phase in ALL[kind]}


def test_a_contradiction_is_found() -> None:
    conditions = [{"type": "Ready", "status": "False"}, {"type": "Degraded", "status": "False"}]
    (found,) = contradictions("ModelDeployment", {"phase": "Degraded", "conditions": [*conditions, NOT_PROGRESSING]})
    assert found == "ModelDeployment: phase Degraded, Degraded=False, expected True"


NOT_PROGRESSING = {"type": "Progressing", "status": "False"}


def without_servers() -> Scene:
    """The stable version serves no more: none of its pods is ready."""
    scene = Scene(spec={"rollout": {"steps": []}}, golden=False)
    scene.rest()
    scene.behaviour["digits-1"] = "crashing"
    for pod in scene.cluster.world.all(PODS):
        scene.cluster.world.remove(pod)
    scene.rest()
    return scene


def test_a_stable_version_without_a_ready_replica_is_degraded_in_both() -> None:
    scene = without_servers()
    assert scene.status["phase"] == "Degraded"
    assert scene.condition("Degraded") == ("True", "ReplicasUnavailable")
    assert contradictions("ModelDeployment", scene.status) == []


def test_a_candidate_beside_it_is_a_rollout_in_both() -> None:
    scene = without_servers()
    scene.behaviour["digits-2"] = "slow"
    scene.point("digits-2")
    scene.step()
    assert scene.status["phase"] == "RollingOut"
    assert scene.condition("Degraded") == ("False", "NotDegraded")
    assert contradictions("ModelDeployment", scene.status) == []


def test_a_stopped_first_version_is_failed_in_both() -> None:
    scene = Scene(behaviour={"digits-1": "load-failed"})
    scene.rest()
    assert scene.status["phase"] == "Failed"
    assert contradictions("ModelDeployment", scene.status) == []
