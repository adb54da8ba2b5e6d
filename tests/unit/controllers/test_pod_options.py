# SPDX-License-Identifier: Apache-2.0
"""The options of pods: what an object sets wins over the installation, field by field."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_operator.api.common import PodOptions
from mlops_operator.controllers.shared import pod_options

ALL: dict[str, Any] = {
    "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": 1, "memory": "512Mi"}},
    "nodeSelector": {"pool": "default"},
    "tolerations": [{"key": "default", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"default": True}},
    "priorityClassName": "default",
    "runtimeClassName": "default",
    "imagePullSecrets": [{"name": "default"}],
    "securityContext": {"fsGroup": 1, "runAsUser": 1},
    "serviceAccountName": "default-reader",
    "labels": {"example.test/team": "default"},
    "annotations": {"example.test/note": "default"},
}
OTHER: dict[str, Any] = {
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "own", "effect": "NoSchedule"}],
    "affinity": {"podAffinity": {"own": True}},
    "priorityClassName": "own",
    "runtimeClassName": "own",
    "imagePullSecrets": [{"name": "own"}],
    "serviceAccountName": "own",
}
METADATA: dict[str, Any] = {
    "labels": {"sidecar.istio.io/inject": "false"},
    "annotations": {"linkerd.io/inject": "disabled"},
}


def options(**fields: Any) -> PodOptions:
    return PodOptions.model_validate(fields)


def merged(own: dict[str, Any], defaults: dict[str, Any] = ALL) -> dict[str, Any]:
    found = pod_options.merged(options(**defaults), options(**own))
    return found.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_every_field_has_a_default_and_an_own_value_in_these_tests() -> None:
    fields = {field.alias for field in PodOptions.model_fields.values()}
    assert fields == ALL.keys() == OTHER.keys() | METADATA.keys() | {"resources", "securityContext"}


def test_an_object_that_sets_nothing_has_the_defaults() -> None:
    assert merged({}) == ALL


@pytest.mark.parametrize(("field", "value"), [*OTHER.items(), *METADATA.items()])
def test_a_field_that_is_set_replaces_the_default(field: str, value: Any) -> None:
    assert merged({field: value}) == {**ALL, field: value}


@pytest.mark.parametrize(
    "key", ["mlops-operator.io/uid", "app.kubernetes.io/name", "batch.kubernetes.io/a", "job-name"]
)
def test_a_label_of_the_operator_or_of_jobs_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match=f"the key {key} is reserved"):
        options(labels={key: "a"})


def test_an_annotation_of_the_operator_is_refused() -> None:
    with pytest.raises(ValidationError, match="foreign-containers is reserved"):
        options(annotations={"mlops-operator.io/foreign-containers": ""})


@pytest.mark.parametrize("field", ["nodeSelector", "tolerations", "affinity", "imagePullSecrets", *METADATA])
def test_an_empty_value_takes_the_default_away(field: str) -> None:
    empty = type(ALL[field])()
    assert merged({field: empty})[field] == empty


def test_the_security_context_is_replaced_member_by_member() -> None:
    assert merged({"securityContext": {"runAsUser": 2}})["securityContext"] == {"fsGroup": 1, "runAsUser": 2}
    context = pod_options.security_context({"runAsNonRoot": True, "fsGroup": 0}, options(**ALL))
    assert context == {"runAsNonRoot": True, "fsGroup": 1, "runAsUser": 1}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"requests": {"memory": "4Gi"}}, {"requests": {"cpu": "50m", "memory": "4Gi"}, "limits": {"cpu": 1}}),
        ({"limits": {"memory": "64Mi"}}, {"requests": {"cpu": "50m"}, "limits": {"cpu": 1, "memory": "64Mi"}}),
        (
            {"limits": {"example.test/gpu": 1}},
            {**ALL["resources"], "limits": {"cpu": 1, "memory": "512Mi", "example.test/gpu": 1}},
        ),
    ],
    ids=["a request above the default limit", "a limit below the default request", "another resource"],
)
def test_a_resource_that_is_named_is_the_objects_alone(own: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merged({"resources": own})["resources"] == expected


def test_a_template_takes_the_place_of_the_defaults_it_names() -> None:
    resources = {"limits": {"memory": "64Mi"}}
    template = {**OTHER, "containers": [{"name": "side"}, {"name": "main", "resources": resources}]}
    found = pod_options.beside(options(**ALL), template).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert found == {
        "resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": 1}},
        **{name: ALL[name] for name in ("securityContext", *METADATA)},
    }


@pytest.mark.parametrize(
    "template", [{}, {"containers": 1}, {"containers": ["main", {"name": "main", "resources": 1}]}]
)
def test_a_template_may_be_any_json(template: dict[str, Any]) -> None:
    assert pod_options.beside(options(**ALL), template) == options(**ALL)


def lent(main: Any, *inits: Any) -> Any:
    pod = {"containers": [main], "initContainers": list(inits)}
    return pod_options.lend_resources(pod, borrowers=("fetch",))["initContainers"]


def test_a_container_before_the_main_one_borrows_its_cpu_and_memory() -> None:
    main = {"name": "main", "resources": {"requests": {"cpu": 1}, "limits": {"memory": 1, "example.test/gpu": 1}}}
    own = {"name": "fetch", "resources": {"limits": {"cpu": 2}}}
    assert lent(main, {"name": "fetch"}, {"name": "other"}, own) == [
        {"name": "fetch", "resources": {"requests": {"cpu": 1}, "limits": {"memory": 1}}},
        {"name": "other"},
        own,
    ]


@pytest.mark.parametrize("resources", [None, 1, {"limits": 1}, {"limits": {"example.test/gpu": 1}}])
def test_nothing_is_borrowed_where_there_is_nothing(resources: Any) -> None:
    assert lent({"name": "main", "resources": resources}, {"name": "fetch"}, "no container") == [
        {"name": "fetch"},
        "no container",
    ]
