# SPDX-License-Identifier: Apache-2.0
"""Values that go into the operator's pod, its names and labels, and into the pods that it makes."""

import json

import pytest

from mlops_operator.api.common import PodOptions, Toleration
from mlops_operator.controllers.settings import ENV_POD_SECURITY_CONTEXT, Settings
from tests.integration.packaging.rendering import VALUES, Manifest, manifests, one

OPERATOR = "mlops-operator"
LABELS = {"example.test/cost-center": "42"}


def deployment(*settings: str, values: str = "defaults") -> Manifest:
    return one(manifests(OPERATOR, values, *settings), "Deployment")


def pod_spec(*settings: str, values: str = "defaults") -> Manifest:
    spec: Manifest = deployment(*settings, values=values)["spec"]["template"]["spec"]
    return spec


def container(*settings: str, values: str = "defaults") -> Manifest:
    (found,) = pod_spec(*settings, values=values)["containers"]
    manifest: Manifest = found
    return manifest


def environment(*settings: str, values: str = "defaults") -> dict[str, str]:
    """The variables that have a value of their own."""
    return {entry["name"]: entry.get("value", "") for entry in container(*settings, values=values)["env"]}


def images(*settings: str) -> list[str]:
    given = environment(*settings)
    names = ("MLOPS_WORKLOAD_IMAGE", "MLOPS_SERVER_IMAGE", "MLOPS_MLSERVER_IMAGE")
    return [container(*settings)["image"], *(given[name] for name in names)]


# -- names and labels ----------------------------------------------------------------------------


def test_a_full_name_replaces_that_of_every_object() -> None:
    found = manifests(OPERATOR, "all")
    assert all(m["metadata"]["name"].startswith("learning") for m in found), [m["metadata"]["name"] for m in found]
    assert "--leader-elect-name=learning" in container(values="all")["args"]


def test_a_name_replaces_that_of_the_chart() -> None:
    found = deployment("nameOverride=loop")
    assert found["metadata"]["name"] == "mlops-operator-loop"
    assert found["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == "loop"


def test_common_labels_are_on_every_object_and_pod_and_in_no_selector() -> None:
    for manifest in manifests(OPERATOR, "all"):
        assert LABELS.items() <= manifest["metadata"]["labels"].items(), manifest["kind"]
        template = manifest["spec"].get("template") if manifest["kind"] in ("Deployment", "Job") else None
        assert template is None or LABELS.items() <= template["metadata"]["labels"].items()
    assert not LABELS.keys() & deployment(values="all")["spec"]["selector"]["matchLabels"].keys()


@pytest.mark.parametrize("value", ["commonLabels", "podLabels"])
def test_labels_by_which_pods_are_selected_cannot_be_replaced(value: str) -> None:
    found = deployment(f"{value}.app\\.kubernetes\\.io/component=other")
    selector = found["spec"]["selector"]["matchLabels"]
    assert selector["app.kubernetes.io/component"] == "operator"
    assert selector.items() <= found["spec"]["template"]["metadata"]["labels"].items()


# -- images --------------------------------------------------------------------------------------


def test_one_registry_serves_all_images() -> None:
    assert images("image.registry=registry.example.test/ml/") == [
        "registry.example.test/ml/mlops-operator:dev",
        "registry.example.test/ml/mlops-workload:dev",
        "registry.example.test/ml/mlops-server:dev",
        "registry.example.test/ml/mlops-mlserver:dev",
    ]


def test_a_name_with_a_registry_of_its_own_keeps_it() -> None:
    names = ("other.example.test/operator", "registry:5000/w:1", "localhost/s:1", "team/m:1")
    keys = ("image.repository", "workloadImage", "serverImage", "mlserverImage")
    settings = [f"{key}={name}" for key, name in zip(keys, names, strict=True)]
    assert images(*settings) == [f"{names[0]}:dev", *names[1:3], "localhost/team/m:1"]
    assert images("image.registry=", *settings)[3] == "team/m:1"


def test_pull_secrets_are_objects() -> None:
    assert pod_spec(values="all")["imagePullSecrets"] == [{"name": "registry"}]
    job = one(manifests(OPERATOR, "all"), "Job")
    assert job["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry"}]


# -- the operator's pod --------------------------------------------------------------------------


def test_variables_and_volumes_are_added() -> None:
    spec = pod_spec(values="all")
    assert environment(values="all")["HTTPS_PROXY"] == "http://proxy.example.test:3128"
    assert {volume["name"] for volume in spec["volumes"]} == {"authorities"}
    assert [mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]] == ["/etc/ssl/certs"]


def test_own_spread_constraints_replace_the_charts() -> None:
    (constraint,) = pod_spec(values="all")["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "topology.kubernetes.io/zone"
    assert constraint["labelSelector"] == deployment(values="all")["spec"]["selector"]
    (constraint,) = pod_spec("ha.enabled=true")["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert "topologySpreadConstraints" not in pod_spec()


def test_security_contexts_are_merged_into_the_restricted_ones() -> None:
    spec = pod_spec(values="all")
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000660000,
        "runAsGroup": 0,
        "supplementalGroups": [2000],
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["containers"][0]["securityContext"]["seLinuxOptions"] == {"level": "s0:c1,c2"}
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


# -- the pods that the operator makes ------------------------------------------------------------


def test_the_chart_and_the_operator_agree_on_the_default() -> None:
    settings = Settings.from_environment(environment())
    assert dict(settings.pod_security_context) == dict(Settings().pod_security_context)


def test_the_chart_and_the_operator_agree_on_the_defaults_of_pods() -> None:
    settings = Settings.from_environment(environment())
    found = (settings.task_pods, settings.server_pods, settings.training_pods)
    assert found == (Settings().task_pods, Settings().server_pods, Settings().training_pods)


def test_the_operator_reads_the_options_of_pods() -> None:
    settings = Settings.from_environment(environment(values="all"))
    tasks = settings.task_pods
    assert tasks.resources.limits == {"memory": "1Gi"}
    assert (tasks.resources.requests or {})["cpu"] == "100m"
    assert set(tasks.model_dump(exclude_none=True)) == set(PodOptions.model_fields)
    assert settings.server_pods.resources == Settings().server_pods.resources
    assert settings.server_pods.tolerations == (Toleration(operator="Exists"),)
    assert settings.training_pods.resources.limits == {"cpu": 2, "memory": "2Gi"}


@pytest.mark.parametrize("values", VALUES)
def test_the_operator_reads_the_security_context(values: str) -> None:
    given = json.loads(environment(values=values)[ENV_POD_SECURITY_CONTEXT])
    assert Settings.from_environment(environment(values=values)).pod_security_context == given
    assert given["runAsNonRoot"] is True


def test_on_openshift_no_pod_has_a_fixed_user_or_group() -> None:
    restricted = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert json.loads(environment(values="openshift")[ENV_POD_SECURITY_CONTEXT]) == restricted
    for kind in ("Deployment", "Job"):
        template = one(manifests(OPERATOR, "openshift"), kind)["spec"]["template"]
        assert template["spec"]["securityContext"] == restricted


# -- monitoring ----------------------------------------------------------------------------------


def test_a_runbook_is_a_url_or_left_out() -> None:
    rule = one(manifests(OPERATOR, "defaults", "monitoring.prometheusRule.enabled=true"), "PrometheusRule")
    for group in rule["spec"]["groups"]:
        for alert in group["rules"]:
            assert set(alert["annotations"]) == {"summary"}
