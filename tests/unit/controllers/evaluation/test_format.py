# SPDX-License-Identifier: Apache-2.0
"""A format that the workload image does not load ends an Evaluation before there is a pod."""

import pytest

from mlops_operator.kube.resources import EVALUATIONS, JOBS
from tests.unit.controllers.builders import condition
from tests.unit.controllers.evaluation.test_plan import CONTROLLER, NAME, cluster, evaluation
from tests.unit.controllers.versions import model_version


@pytest.mark.parametrize("odd", ["digits-a", "digits-b"])
def test_an_unknown_format_is_final_and_names_version_field_and_choices(odd: str) -> None:
    versions = [
        model_version(name, artifact_format="onnx" if name == odd else "sklearn") for name in ("digits-a", "digits-b")
    ]
    toy = cluster(evaluation(), *versions)
    toy.settle(CONTROLLER, NAME)
    assert toy.world.all(JOBS) == []
    obj = toy.get(EVALUATIONS, NAME)
    assert (obj["status"]["phase"], obj["status"]["verdict"]) == ("Failed", "Error")
    stalled = condition(obj, "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "FormatUnsupported")
    assert stalled["message"] == (
        f"ModelVersion {odd}: expected spec.artifact.format to be one of sklearn, found 'onnx'; "
        "set image (in a gate: gate.image) to one that loads it"
    )


def test_an_image_of_the_users_own_may_load_it() -> None:
    versions = [model_version(name, artifact_format="onnx") for name in ("digits-a", "digits-b")]
    toy = cluster(evaluation(image="example/evaluate-onnx:1"), *versions)
    toy.settle(CONTROLLER, NAME)
    assert len(toy.world.all(JOBS)) == 1
