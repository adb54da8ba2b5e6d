# SPDX-License-Identifier: Apache-2.0
"""Every pod that the operator makes has the options that the installation and its object give it."""

from typing import Any

import pytest

from mlops_operator.api.common import PodOptions
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from tests.unit.controllers.every_pod import PARTS, TASK_MODULES, TASKS, children, containers, modules_with, pod_of
from tests.unit.controllers.test_pod_options import ALL, METADATA, OTHER

EVERY = sorted(set().union(*PARTS.values()))
SERVED = sorted({*EVERY} - TASKS)
RESOURCES: Manifest = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "2m", "memory": "2Mi"}}
LIGHT: Manifest = {"resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": 2, "memory": "2Gi"}}}


def installation(defaults: dict[str, Any]) -> Settings:
    options = PodOptions.model_validate(defaults)
    return Settings(task_pods=options, server_pods=options, training_pods=options)


def placement(child: Manifest) -> Manifest:
    return {name: pod_of(child).get(name) for name in OTHER}


def metadata(child: Manifest) -> Manifest:
    """Labels and annotations of a child's pods."""
    found: Manifest = child["spec"]["template"]["metadata"]
    return found


def resources(child: Manifest) -> dict[str, Any]:
    return {entry["name"]: entry.get("resources") for entry in containers(child)}


def test_the_pods_of_these_tests_are_all_that_the_operator_makes() -> None:
    assert modules_with("pod_spec") == PARTS.keys()
    assert modules_with("Task") == TASK_MODULES
    assert children(Settings()).keys() == {*EVERY}


@pytest.mark.parametrize("pods", EVERY)
def test_the_installations_options_reach_every_pod(pods: str) -> None:
    child = children(installation(ALL))[pods]
    assert placement(child) == {name: ALL[name] for name in OTHER}
    assert set(map(str, resources(child).values())) == {str(ALL["resources"])}
    context = pod_of(child)["securityContext"]
    assert (context["fsGroup"], context["runAsUser"], context["runAsNonRoot"]) == (1, 1, True)
    for field in METADATA:
        assert ALL[field].items() <= metadata(child)[field].items()
    assert pod_of(child)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("pods", sorted(TASKS))
def test_an_objects_options_reach_its_tasks(pods: str) -> None:
    own = {**OTHER, **METADATA, "resources": RESOURCES, "securityContext": {"runAsUser": 2}}
    child = children(installation(ALL), task_pods=own)[pods]
    assert placement(child) == OTHER
    assert set(map(str, resources(child).values())) == {str(RESOURCES)}
    assert pod_of(child)["securityContext"]["runAsUser"] == 2
    assert pod_of(child)["securityContext"]["fsGroup"] == 1
    for field in METADATA:
        assert METADATA[field].items() <= metadata(child)[field].items()
    assert "example.test/team" not in metadata(child)["labels"]
    assert pod_of(child)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("pods", EVERY)
def test_the_operators_own_labels_stay(pods: str) -> None:
    labels = metadata(children(installation(ALL))[pods])["labels"]
    assert metadata(children(Settings())[pods])["labels"].items() <= labels.items()


@pytest.mark.parametrize("pods", SERVED)
def test_labels_and_annotations_of_a_template_win_over_the_installations(pods: str) -> None:
    own = {"labels": {"example.test/team": "own"}, "annotations": {"example.test/note": "own"}}
    found = metadata(children(installation(ALL), template={"metadata": own})[pods])
    assert found["labels"]["example.test/team"] == found["annotations"]["example.test/note"] == "own"


def test_identity_webhooks_give_foreign_code_no_credentials() -> None:
    found = metadata(children(installation(ALL))["evaluate"])["annotations"]
    foreign = found["mlops-operator.io/foreign-containers"].split(",")
    assert len(foreign) == 2
    assert found["eks.amazonaws.com/skip-containers"].split(",") == foreign
    assert found["azure.workload.identity/skip-containers"].split(";") == foreign


def test_another_image_does_not_run_with_the_installations_service_account() -> None:
    defaults = installation(ALL)
    for pods in ("evaluate", "monitor"):
        assert "serviceAccountName" not in pod_of(children(defaults, task_image="example/own:1")[pods])
        named = children(defaults, task_image="example/own:1", task_pods={"serviceAccountName": "own"})[pods]
        assert pod_of(named)["serviceAccountName"] == "own"


@pytest.mark.parametrize("pods", SERVED)
def test_the_options_of_tasks_change_no_server_and_no_training(pods: str) -> None:
    assert children(Settings(), task_pods={**OTHER, "resources": RESOURCES})[pods] == children(Settings())[pods]


@pytest.mark.parametrize("pods", SERVED)
def test_a_template_takes_the_place_of_the_installations_options(pods: str) -> None:
    child = children(installation(ALL), template={"spec": OTHER})[pods]
    assert placement(child) == OTHER


@pytest.mark.parametrize("pods", SERVED)
def test_an_objects_own_resources_and_node_selector_win(pods: str) -> None:
    child = children(installation(ALL), resources=RESOURCES, nodeSelector={"disk": "ssd"})[pods]
    assert set(map(str, resources(child).values())) == {str(RESOURCES)}
    assert pod_of(child)["nodeSelector"] == {"disk": "ssd"}


@pytest.mark.parametrize("pods", SERVED)
def test_resources_of_a_template_are_lent_to_the_containers_before(pods: str) -> None:
    main = {"name": "main", "resources": RESOURCES}
    child = children(installation(ALL), template={"spec": {"containers": [main]}})[pods]
    assert set(map(str, resources(child).values())) == {str(RESOURCES)}


@pytest.mark.parametrize("pods", EVERY)
def test_a_quota_on_cpu_and_memory_admits_every_pod(pods: str) -> None:
    """A training has the resources of its own spec only: what it needs, nobody but its user knows."""
    own = {} if pods != "training" else LIGHT
    for name, given in resources(children(Settings(), **own)[pods]).items():
        for kind in ("requests", "limits"):
            assert given[kind].keys() == {"cpu", "memory"}, name


def test_a_training_has_no_resources_of_its_own_accord() -> None:
    assert set(resources(children(Settings())["training"]).values()) == {None}
