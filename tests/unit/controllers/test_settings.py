# SPDX-License-Identifier: Apache-2.0
"""What the installation decides, as the operator reads it from its environment."""

import json

import pytest

from mlops_operator.api.common import PodOptions, PodTemplate
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.settings import (
    ENV_POD_SECURITY_CONTEXT,
    ENV_SERVER_PODS,
    ENV_TASK_PODS,
    ENV_TRAINING_PODS,
    Settings,
)
from mlops_operator.controllers.shared.pods import merge_template, pod_spec
from mlops_operator.controllers.trainingjob.render import render_job
from mlops_operator.kube.config import ConfigError
from mlops_operator.kube.resources import TRAINING_JOBS
from tests.unit.controllers.builders import make

OPENSHIFT = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_pods_run_as_a_numeric_user_by_default() -> None:
    context = Settings.from_environment({}).pod_security_context
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 65532
    assert context["runAsNonRoot"] is True


def test_user_and_groups_can_be_left_to_the_cluster() -> None:
    settings = Settings.from_environment({ENV_POD_SECURITY_CONTEXT: json.dumps(OPENSHIFT)})
    spec = TrainingJobSpec.model_validate({"image": "example/train:1"})
    job = render_job(make(TRAINING_JOBS, "train", spec={}), spec, settings, 0, model=None)
    assert job["spec"]["template"]["spec"]["securityContext"] == OPENSHIFT


def test_a_template_wins_over_the_installation() -> None:
    spec = pod_spec(containers=[], security_context=Settings().pod_security_context)
    template = PodTemplate.model_validate({"spec": {"securityContext": {"runAsUser": 1000}}})
    merged = merge_template(spec, {}, template)["spec"]["securityContext"]
    assert (merged["runAsUser"], merged["fsGroup"]) == (1000, 65532)


@pytest.mark.parametrize("variable", [ENV_TASK_PODS, ENV_SERVER_PODS, ENV_TRAINING_PODS])
def test_options_of_pods_that_do_not_fit_are_refused_by_field(variable: str) -> None:
    with pytest.raises(ConfigError, match=rf"{variable}: tolerations.0.kee"):
        Settings.from_environment({variable: json.dumps({"tolerations": [{"kee": "pool"}]})})
    with pytest.raises(ConfigError, match=variable):
        Settings.from_environment({variable: "[]"})


def test_options_of_pods_replace_the_built_in_ones() -> None:
    settings = Settings.from_environment({ENV_TASK_PODS: '{"priorityClassName": "low"}'})
    assert settings.task_pods == PodOptions(priority_class_name="low")
    assert settings.server_pods == Settings().server_pods


@pytest.mark.parametrize("text", ["{", "[]", "65532"])
def test_a_security_context_that_is_no_object_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match=ENV_POD_SECURITY_CONTEXT):
        Settings.from_environment({ENV_POD_SECURITY_CONTEXT: text})
