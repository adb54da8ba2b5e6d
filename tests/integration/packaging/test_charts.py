# SPDX-License-Identifier: Apache-2.0
"""The charts as they are rendered: valid, stable, restricted, and refusing values that mean nothing."""

import re
from typing import Any

import pytest
import yaml

from mlops_operator.api.conditions import READY
from mlops_operator.codegen.crd.definition import KEPT_BY_GITOPS
from mlops_operator.codegen.crd.policies import parameters_policy, service_accounts_policy
from mlops_operator.codegen.generated import ROOT
from mlops_operator.codegen.rbac.policy import NEVER
from tests.integration.packaging.rendering import CHARTS, VALUES, Manifest, helm, manifests, one, template

OPERATOR, CRDS = CHARTS

by_chart = pytest.mark.parametrize("chart", CHARTS)
by_values = pytest.mark.parametrize("values", VALUES)


def pod_specs(found: list[Manifest]) -> list[Manifest]:
    return [manifest["spec"]["template"]["spec"] for manifest in found if manifest["kind"] in ("Deployment", "Job")]


def arguments(*settings: str, values: str = "defaults") -> list[str]:
    deployment = one(manifests(OPERATOR, values, *settings), "Deployment")
    found: list[str] = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return found


@by_chart
def test_helm_lint_has_nothing_to_say(chart: str) -> None:
    done = helm("lint", "--strict", ROOT / "helm" / chart)
    assert done.returncode == 0, done.stdout + done.stderr


@by_values
def test_rendered_output_is_stable(values: str) -> None:
    first = template(OPERATOR, values)
    template.cache_clear()
    assert template(OPERATOR, values) == first


@by_values
def test_pods_are_restricted(values: str) -> None:
    """The `restricted` Pod Security standard, and a read-only root on top."""
    specs = pod_specs(manifests(OPERATOR, values))
    assert len(specs) == 2  # the operator and the chart's test
    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"].get("runAsUser", 1) > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]["memory"]


@by_values
def test_no_right_by_wildcard_and_none_on_secrets(values: str) -> None:
    for role in (m for m in manifests(OPERATOR, values) if m["kind"] in ("Role", "ClusterRole")):
        for rule in role["rules"]:
            assert not NEVER & {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}, role["metadata"]["name"]


def test_cluster_wide_by_default() -> None:
    found = manifests(OPERATOR)
    assert one(found, "ClusterRole")["rules"]
    assert one(found, "ClusterRoleBinding")["subjects"][0]["namespace"] == "mlops-system"
    assert not [argument for argument in arguments() if argument.startswith("--namespace")]


def test_namespaced_mode_has_roles_only_and_says_where() -> None:
    found = manifests(OPERATOR, "namespaced")
    assert not [manifest for manifest in found if manifest["kind"].startswith("ClusterRole")]
    roles = {(m["metadata"]["namespace"], m["metadata"]["name"]) for m in found if m["kind"] == "Role"}
    assert {("team-a", "mlops-operator"), ("team-b", "mlops-operator")} < roles
    assert {"--namespace=team-a", "--namespace=team-b"} <= set(arguments(values="namespaced"))
    bindings = [m for m in found if m["kind"] == "RoleBinding" and "smoke" not in m["metadata"]["name"]]
    assert {subject["name"] for binding in bindings for subject in binding["subjects"]} == {"existing"}


def test_admission_policies_are_made_on_request_and_bound() -> None:
    assert not [m for m in manifests(OPERATOR) if m["kind"].startswith("ValidatingAdmission")]
    found = manifests(OPERATOR, "all")
    policies = {m["metadata"]["name"] for m in found if m["kind"] == "ValidatingAdmissionPolicy"}
    bindings = [m["spec"] for m in found if m["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert policies == {binding["policyName"] for binding in bindings} == {"learning-children", "learning-pods"}
    assert all(binding["validationActions"] == ["Deny"] for binding in bindings)


def test_rights_can_be_left_to_others() -> None:
    made = [m for m in manifests(OPERATOR, "foreign-rights") if "Role" in m["kind"]]
    assert {m["metadata"]["name"] for m in made} == {"mlops-operator-smoke"}


def test_one_replica_without_high_availability_and_more_with() -> None:
    plain = manifests(OPERATOR)
    assert one(plain, "Deployment")["spec"]["replicas"] == 1
    assert not [manifest for manifest in plain if manifest["kind"] == "PodDisruptionBudget"]
    available = manifests(OPERATOR, "all")
    assert one(available, "Deployment")["spec"]["replicas"] == 3
    assert one(available, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert one(available, "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"]


def test_the_operator_is_told_images_and_store() -> None:
    settings = (
        "workloadImage=example.test/w:1",
        "serverImage=example.test/s:1",
        "mlserverImage=example.test/m:1",
        "artifactStore=pvc://other/path",
    )
    container = one(manifests(OPERATOR, "defaults", *settings), "Deployment")["spec"]["template"]["spec"]["containers"][
        0
    ]
    told = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert told["MLOPS_WORKLOAD_IMAGE"] == "example.test/w:1"
    assert told["MLOPS_SERVER_IMAGE"] == "example.test/s:1"
    assert told["MLOPS_MLSERVER_IMAGE"] == "example.test/m:1"
    assert told["MLOPS_ARTIFACT_STORE"] == "pvc://other/path"


def test_a_digest_pins_the_image() -> None:
    container = one(manifests(OPERATOR, "all"), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].startswith("registry.example.test/ml/mlops-operator@sha256:")


def test_the_operators_command_line_takes_the_arguments() -> None:
    from mlops_operator.__main__ import parser

    given = parser().parse_args(arguments(values="namespaced"))
    assert given.namespaces == ["team-a", "team-b"]
    assert given.leader_elect_name == "mlops-operator"
    assert given.metrics_bind_address == ":8080"


def test_the_lease_the_operator_uses_is_the_one_it_has_rights_on() -> None:
    leader = one(manifests(OPERATOR), "Role", "mlops-operator-leader")
    names = [name for rule in leader["rules"] for name in rule.get("resourceNames", ())]
    assert [f"--leader-elect-name={name}" for name in names] == [a for a in arguments() if "leader-elect-name" in a]


def test_the_metrics_service_finds_the_pods() -> None:
    found = manifests(OPERATOR, "all")
    labels = one(found, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert one(found, "Service")["spec"]["selector"].items() <= labels.items()
    assert one(found, "NetworkPolicy", "learning")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("replicas=2", "replicas"),
        ("image.tag=", "tag"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("artifactStore=s3://bucket", "artifactStore"),
        ("watchNamespaces={Team_A}", "watchNamespaces"),
        ("ha.replicas=1", "replicas"),
        ("log.level=loud", "level"),
        ("resync=often", "resync"),
        ("serviceAccount.create=false", "name"),
        ("networkPolicy.apiServerPorts={}", "apiServerPorts"),
        ("workloads.networkPolicy.enabled=true", "workloads.networkPolicy.namespaces: name the namespaces"),
        ("workloads.networkPolicy.clients[0].namespace=a", "clients"),
        ("workloads.networkPolicy.egress[0].from=a", "egress"),
        ("workloads.networkPolicy.dns.ports={}", "dns"),
        ("monitoring.dashbord.enabled=true", "dashbord"),
        ("monitoring.prometheusRule.runbookUrl=docs/operations/runbooks.md", "runbookUrl"),
        ("imagePullSecrets={registry}", "imagePullSecrets"),
        ("extraEnv[0].name=MLOPS_WORKLOAD_IMAGE", "extraEnv"),
        ("extraVolumeMounts[0].name=a", "mountPath"),
        ("workloads.podSecurityContext.runAsUsr=1", "runAsUsr"),
        ("workloads.taskPods.resources.limits.cpu=many", "cpu"),
        ("workloads.serverPods.tolerations[0].kee=a", "kee"),
        ("workloads.trainingPods.priorityClassName=", "priorityClassName"),
        ("workloads.taskPods.labels.job-name=a", "job-name"),
        (r"workloads.taskPods.annotations.mlops-operator\.io/uid=a", "mlops-operator.io/uid"),
        ("securityContext.runAsUser=root", "runAsUser"),
        ("commonLabels.team=a b", "team"),
        ("fullnameOverride=Learning", "fullnameOverride"),
        ("admissionPolicy.serviceAccounts={a/b/c}", "serviceAccounts"),
        ('admissionPolicy.deniedNamespaces={a"b}', "deniedNamespaces"),
        ("topologySpreadConstraints[0].maxSkew=1", "topologyKey"),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(setting: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        template(OPERATOR, "defaults", setting)


@by_chart
def test_every_value_is_in_the_schema_and_documented(chart: str) -> None:
    folder = ROOT / "helm" / chart
    schema = yaml.safe_load((folder / "values.schema.json").read_text())
    text = (folder / "values.yaml").read_text()

    def paths(values: dict[str, Any], properties: dict[str, Any], prefix: str = "") -> list[str]:
        missing = []
        for name, value in values.items():
            if name not in properties:
                missing.append(prefix + name)
            elif isinstance(value, dict) and "properties" in properties[name]:
                missing += paths(value, properties[name]["properties"], f"{prefix}{name}.")
        return missing

    values = yaml.safe_load(text)
    assert paths(values, schema["properties"]) == []
    assert set(values) | {"global"} == set(schema["properties"])
    for name in values:
        assert re.search(rf"^#.*\n(\w.*\n)*?{name}:", text, re.MULTILINE), f"{name} has no comment above it"


def test_crds_are_kept_when_the_release_goes() -> None:
    definitions = [m for m in manifests(CRDS) if m["kind"] == "CustomResourceDefinition"]
    assert all(m["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for m in definitions)
    assert all(m["metadata"]["annotations"].items() >= KEPT_BY_GITOPS.items() for m in definitions)


def test_the_policies_of_the_kinds_are_in_the_chart() -> None:
    found = [m for m in manifests(CRDS) if m["kind"].startswith("ValidatingAdmissionPolicy")]
    expected = [*parameters_policy(), *service_accounts_policy()]
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_the_charts_crds_are_those_to_apply() -> None:
    for definition in (m for m in manifests(CRDS) if m["kind"] == "CustomResourceDefinition"):
        del definition["metadata"]["annotations"]["helm.sh/resource-policy"]
        plural = definition["spec"]["names"]["plural"]
        assert definition == yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())


def test_every_object_of_the_kinds_chart_has_the_common_labels() -> None:
    own = {"app.kubernetes.io/part-of": "mlops-operator"}
    settings = ("commonLabels.team=ml", r"commonLabels.app\.kubernetes\.io/part-of=other")
    for manifest in manifests(CRDS, "defaults", *settings):
        labels = manifest["metadata"]["labels"]
        assert labels.items() >= {**own, "team": "ml"}.items(), manifest["metadata"]["name"]


def test_people_with_the_clusters_own_roles_get_the_kinds() -> None:
    roles = {m["metadata"]["name"]: m for m in manifests(CRDS) if m["kind"] == "ClusterRole"}
    labels = roles["mlops-operator-view"]["metadata"]["labels"]
    assert labels["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in roles["mlops-operator-edit"]["metadata"]["labels"]
    assert not [m for m in manifests(CRDS, "defaults", "aggregateRoles=false") if m["kind"] == "ClusterRole"]


def test_the_charts_test_compiles_and_speaks_of_a_real_condition() -> None:
    job = one(manifests(OPERATOR), "Job")
    (script,) = job["spec"]["template"]["spec"]["containers"][0]["args"]
    compile(script, "smoke.py", "exec")
    assert READY not in script  # it waits for Complete or Failed, as a Job's do
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "test"
