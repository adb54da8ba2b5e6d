# SPDX-License-Identifier: Apache-2.0
"""Which version is to be served."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import DeploymentReason, ModelDeploymentSpec
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint, Problem
from mlops_operator.controllers.modeldeployment.policies.target import resolve
from mlops_operator.controllers.settings import Settings
from tests.unit.controllers.modeldeployment.scene import model, model_version

ALIAS = {"name": "digits", "alias": "champion"}
NAMED = {"name": "digits", "version": "digits-2"}


def resolved(served: dict[str, Any], found: Manifest | None, *versions: Manifest) -> Blueprint | Problem:
    return resolve(
        ModelDeploymentSpec.model_validate({"model": served}),
        model=found,
        versions={version["metadata"]["name"]: version for version in versions},
        settings=Settings(),
    )


def test_an_alias_is_followed() -> None:
    found = resolved(ALIAS, model("digits-1"), model_version("digits-1"), model_version("digits-2"))
    assert isinstance(found, Blueprint)
    assert found.version == "digits-1"


def test_a_version_is_taken_as_named() -> None:
    found = resolved(NAMED, model("digits-1"), model_version("digits-1"), model_version("digits-2"))
    assert isinstance(found, Blueprint)
    assert found.version == "digits-2"


def test_an_object_created_again_under_the_name_is_not_what_the_alias_points_at() -> None:
    found = resolved(ALIAS, model("digits-1", uid="first"), model_version("digits-1"))
    assert isinstance(found, Problem)
    assert (found.reason, found.permanent) == (DeploymentReason.MODEL_VERSION_NOT_FOUND, False)
    assert "UID first, which was deleted" in found.message


def test_an_alias_that_holds_no_uid_names_no_object() -> None:
    old = model("digits-1")
    del old["status"]["aliases"][0]["versionUid"]
    assert isinstance(resolved(ALIAS, old, model_version("digits-1")), Problem)


def other_model() -> Manifest:
    version = model_version("digits-2")
    version["spec"]["model"] = "letters"
    return version


@pytest.mark.parametrize(
    ("served", "found", "versions", "reason", "permanent"),
    [
        (ALIAS, None, (), DeploymentReason.MODEL_NOT_FOUND, False),
        (ALIAS, model("digits-1", aliases=()), (), DeploymentReason.ALIAS_NOT_FOUND, False),
        (ALIAS, model(None), (), DeploymentReason.ALIAS_UNSET, False),
        (ALIAS, model("digits-1"), (), DeploymentReason.MODEL_VERSION_NOT_FOUND, False),
        (NAMED, None, (model_version("digits-2"),), DeploymentReason.MODEL_NOT_FOUND, False),
        (
            NAMED,
            model(),
            (model_version("digits-2", ready=False),),
            DeploymentReason.MODEL_VERSION_NOT_READY,
            False,
        ),
        (NAMED, model(), (other_model(),), DeploymentReason.MODEL_MISMATCH, True),
        (
            NAMED,
            model(),
            (model_version("digits-2", artifact_format="onnx"),),
            DeploymentReason.NO_RUNTIME,
            True,
        ),
    ],
)
def test_what_is_missing_is_named(
    served: dict[str, Any],
    found: Manifest | None,
    versions: tuple[Manifest, ...],
    reason: DeploymentReason,
    permanent: bool,
) -> None:
    problem = resolved(served, found, *versions)
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.permanent) == (reason, permanent)


@pytest.mark.parametrize(("bootstrap", "expected"), [(True, False), (False, True)])
def test_an_unset_alias_is_a_fault_only_while_its_first_version_is_on_its_way(bootstrap: bool, expected: bool) -> None:
    found = model(None)
    found["spec"]["aliases"][0]["bootstrap"] = bootstrap
    found["status"]["conditions"] = [{"type": "Reconciling", "status": "True", "reason": "Bootstrapping"}]
    problem = resolved(ALIAS, found)
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.expected) == (DeploymentReason.ALIAS_UNSET, expected)
    found["status"]["conditions"][0] |= {"status": "False", "reason": "NotReconciling"}
    problem = resolved(ALIAS, found)
    assert isinstance(problem, Problem)
    assert problem.expected


def test_why_a_version_is_not_verified_is_quoted() -> None:
    version = model_version("digits-2", ready=False)
    version["status"]["conditions"][0] |= {"reason": "ArtifactCorrupt", "message": "found another digest"}
    problem = resolved(NAMED, model(), version)
    assert isinstance(problem, Problem)
    assert problem.message == "ModelVersion digits-2 is not verified: ArtifactCorrupt: found another digest"
