# SPDX-License-Identifier: Apache-2.0
"""Parameters that no environment variable can hold are refused at admission, with the field, the limit and the size."""

from typing import Any

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import MAX_PARAMETERS_KIB
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import RETRAIN_POLICIES, TRAINING_JOBS, Resource
from tests.harness.crds import install_crds
from tests.harness.policies import install_policies, refusal

WORD = "abcdefghijkl"
FITS, TOO_LARGE = MAX_PARAMETERS_KIB * 1024 - 100, MAX_PARAMETERS_KIB * 1024 + 1


@pytest.fixture
async def space(client: Client, namespace: str, control_plane: Cluster) -> str:
    await install_crds(client)
    await install_policies(client, namespace)
    return namespace


def training(namespace: str, parameters: Any) -> tuple[Resource, Manifest]:
    obj = TRAINING_JOBS.manifest(name="train", namespace=namespace)
    obj["spec"] = {"image": "example/train:1", "parameters": parameters}
    return TRAINING_JOBS, obj


def policy(namespace: str, parameters: Any) -> tuple[Resource, Manifest]:
    obj = RETRAIN_POLICIES.manifest(name="again", namespace=namespace)
    obj["spec"] = {"model": "digits", "training": {"spec": {"image": "example/train:1", "parameters": parameters}}}
    return RETRAIN_POLICIES, obj


async def test_parameters_of_every_form_are_bounded_together(client: Client, space: str) -> None:
    large = {
        "one text": {"words": "x" * TOO_LARGE},
        "a list": {"words": [WORD] * 12_000},
        "a tree": {"tree": {f"leaf-{number}": {"words": [WORD, None, 1.5, True]} for number in range(3000)}},
        "many": {f"p{number}": "x" * 2000 for number in range(100)},
        "two bytes a letter": {"words": "é" * (TOO_LARGE // 2)},
    }
    for what, parameters in large.items():
        said = await refusal(client, *training(space, parameters))
        assert f"spec.parameters: expected at most {MAX_PARAMETERS_KIB} KiB as JSON, found" in said, what
        assert "put large values into a file, and name it in data" in said, what
    assert f"found {MAX_PARAMETERS_KIB + 1} KiB" in await refusal(client, *training(space, large["one text"]))


async def test_a_policy_names_the_field_of_its_template(client: Client, space: str) -> None:
    assert "spec.training.spec.parameters: expected" in await refusal(
        client, *policy(space, {"words": "x" * TOO_LARGE})
    )
    assert await refusal(client, *policy(space, {"trees": 5})) == ""


async def test_what_fits_is_admitted(client: Client, space: str) -> None:
    for parameters in ({}, {"words": "x" * FITS}, {"none": None, "nested": [[{"a": 1}]]}, {"words": '"' * 40_000}):
        assert await refusal(client, *training(space, parameters)) == ""
    without = TRAINING_JOBS.manifest(name="train", namespace=space)
    without["spec"] = {"image": "example/train:1"}
    assert await refusal(client, TRAINING_JOBS, without) == ""
