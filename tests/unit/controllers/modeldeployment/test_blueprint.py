# SPDX-License-Identifier: Apache-2.0
"""What makes a revision."""

from typing import Any

import pytest

from mlops_operator.api.modeldeployment import DeploymentReason, ModelDeploymentSpec
from mlops_operator.api.modelversion import ModelVersionSpec
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint, Problem, draw
from mlops_operator.controllers.settings import Settings
from tests.unit.controllers.modeldeployment.scene import model_version

VERSION = model_version("digits-1")["spec"]


def drawn(
    *, name: str = "digits-1", uid: str = "u", settings: Settings | None = None, version: Any = None, **spec: Any
) -> Blueprint:
    found = draw(
        ModelDeploymentSpec.model_validate({"model": {"name": "digits", "alias": "champion"}, **spec}),
        name=name,
        uid=uid,
        version=ModelVersionSpec.model_validate(version or VERSION),
        settings=settings or Settings(),
    )
    assert isinstance(found, Blueprint)
    return found


def test_the_hash_is_stable_over_releases() -> None:
    settings = Settings(server_image="example/server:1")
    assert drawn(settings=settings).revision == "f518d149"


@pytest.mark.parametrize(
    "spec",
    [
        {"resources": {"requests": {"cpu": "1"}}},
        {"env": [{"name": "A", "value": "1"}]},
        {"nodeSelector": {"disk": "ssd"}},
        {"template": {"metadata": {"annotations": {"again": "1"}}}},
        {"template": {"spec": {"priorityClassName": "high"}}},
        {"runtime": {"custom": {"image": "example/server:1"}}},
    ],
)
def test_pod_settings_are_part_of_it(spec: dict[str, Any]) -> None:
    assert drawn(**spec).revision != drawn().revision


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            {"resources": {"requests": {"cpu": "20m", "memory": "128Mi"}}},
            {"resources": {"requests": {"cpu": "0.02", "memory": "131072Ki"}}},
        ),
        ({"resources": {"limits": {"cpu": 1}}}, {"resources": {"limits": {"cpu": "1000m"}}}),
        (
            {"template": {"spec": {"overhead": {"cpu": "250m"}}}},
            {"template": {"spec": {"overhead": {"cpu": "0.25"}}}},
        ),
        (
            {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}]}}},
            {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1024Mi"}}]}}},
        ),
    ],
)
def test_equal_quantities_are_one_revision(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert drawn(**first).revision == drawn(**second).revision != drawn().revision


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": 7},
        {"autoscaling": {"maxReplicas": 3}},
        {"rollout": {"steps": [], "progressDeadline": "1m", "golden": {"tolerance": 0.1}}},
        {"runtime": {"name": "kserve-sklearn"}},
        {"env": []},
    ],
)
def test_what_does_not_change_the_pods_is_not(spec: dict[str, Any]) -> None:
    assert drawn(**spec).revision == drawn().revision


def test_the_server_image_is_part_of_it_and_the_fetch_image_is_not() -> None:
    assert drawn(settings=Settings(server_image="other")).revision != drawn().revision
    assert drawn(settings=Settings(workload_image="other")).revision == drawn().revision


def test_name_uid_and_digest_of_the_version_are_part_of_it() -> None:
    other = {**VERSION, "artifact": {**VERSION["artifact"], "digest": "sha256:" + "9" * 64}}
    found = {drawn().revision, drawn(name="digits-2").revision, drawn(version=other).revision, drawn(uid="v").revision}
    assert len(found) == 4


def test_a_runtime_that_does_not_load_the_format_is_a_problem() -> None:
    spec = ModelDeploymentSpec.model_validate(
        {"model": {"name": "digits", "version": "x"}, "runtime": {"name": "nope"}}
    )
    found = draw(spec, name="x", uid="u", version=ModelVersionSpec.model_validate(VERSION), settings=Settings())
    assert isinstance(found, Problem)
    assert found.reason is DeploymentReason.NO_RUNTIME
    assert found.permanent
    assert "'nope'" in found.message
