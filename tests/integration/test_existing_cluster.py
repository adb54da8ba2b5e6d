# SPDX-License-Identifier: Apache-2.0
"""The demonstration refuses a cluster of the user's that cannot take it, and changes nothing there."""

from collections.abc import Iterator

import pytest
import yaml

from demo.delivery import LoadCommand
from demo.existing import ExistingPlatform, RefusedError, marked_namespace
from demo.prerequisites import LABEL, MADE_BY, is_ours
from demo.story import NAMESPACE, Story
from localcluster import Cluster
from localcluster.kubectl import Kubectl
from localcluster.tools import ensure_tools
from tests.harness.audit import AuditLog, select

REVIEWS = "selfsubjectaccessreviews"
"""Questions about rights are asked by creating objects that are not kept."""


@pytest.fixture
def platform(control_plane: Cluster, monkeypatch: pytest.MonkeyPatch) -> ExistingPlatform:
    """The demonstration on a control plane, which has no nodes and no StorageClass."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    monkeypatch.setenv("PATH", str(ensure_tools()), prepend=":")
    (context,) = yaml.safe_load(control_plane.kubeconfig.read_text())["contexts"]
    return ExistingPlatform(context["name"], LoadCommand("never-run"))


@pytest.fixture
def kubectl(platform: ExistingPlatform) -> Kubectl:
    return platform.kubectl


@pytest.fixture
def foreign(kubectl: Kubectl) -> Iterator[None]:
    """A namespace of the user's that has the story's name."""
    kubectl.run("create", "namespace", NAMESPACE)
    yield
    kubectl.run("delete", "namespace", NAMESPACE, "--wait=true")


def test_all_reasons_are_told_and_nothing_is_written(
    platform: ExistingPlatform, foreign: None, audit_log: AuditLog
) -> None:
    with pytest.raises(RefusedError) as refused:
        platform.up()
    for words in (
        "found none that takes pods",
        "expected a StorageClass with the annotation",
        f"expected no namespace {NAMESPACE}, or one with the label {LABEL}={MADE_BY}",
        "nothing was changed",
    ):
        assert words in str(refused.value)
    assert select(audit_log.read(), agent="kubectl", writes=True, without=[REVIEWS]) == {}


def test_a_namespace_of_the_users_is_not_removed(platform: ExistingPlatform, kubectl: Kubectl, foreign: None) -> None:
    with pytest.raises(RefusedError, match=f"expected namespace {NAMESPACE} to have the label"):
        platform.down()
    namespace = kubectl.get("namespace", NAMESPACE)
    assert namespace is not None
    assert "deletionTimestamp" not in namespace["metadata"]


def test_a_namespace_of_its_own_keeps_its_label_through_the_story_and_is_removed(
    platform: ExistingPlatform, kubectl: Kubectl
) -> None:
    kubectl.apply(marked_namespace(NAMESPACE))
    Story(kubectl).make_namespace()
    namespace = kubectl.get("namespace", NAMESPACE)
    assert namespace is not None
    assert is_ours(namespace)
    platform.down()
    assert kubectl.get("namespace", NAMESPACE) is None


def test_without_anything_of_its_own_there_is_nothing_to_remove(platform: ExistingPlatform, kubectl: Kubectl) -> None:
    before = {crd["metadata"]["uid"] for crd in kubectl.list("customresourcedefinition")}
    platform.down()
    assert {crd["metadata"]["uid"] for crd in kubectl.list("customresourcedefinition")} == before


def test_an_unknown_context_is_refused_with_those_that_are_there(platform: ExistingPlatform) -> None:
    with pytest.raises(RefusedError, match=f"expected CONTEXT to be one of {platform.context}; found 'elsewhere'"):
        ExistingPlatform("elsewhere", LoadCommand("never-run")).up()
