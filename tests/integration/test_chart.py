# SPDX-License-Identifier: Apache-2.0
"""The charts on a real API server: taken without a warning, unchanged by an upgrade, sufficient for the operator."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from localcluster import Cluster
from localcluster.kubectl import Kubectl
from localcluster.tools import ensure_tools
from mlops_operator.api.conditions import is_true
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import COMPLETE, TrainingJobStatus
from mlops_operator.codegen.generated import to_yaml
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import TRAINING_JOBS, Resource
from tests.harness.audit import AuditLog, Request
from tests.harness.clusters import own_cluster
from tests.harness.kubelet import FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.chart_schemas import LOCATION, write_schemas

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "mlops-system"
TEAMS = ("team-a", "team-b")
RELEASE = "mlops-operator"
CHARTS = ("mlops-operator-crds", RELEASE)
VALUES = sorted((ROOT / "tests/integration/packaging/values").glob("*.yaml"))
EXAMPLES = {
    str(path.relative_to(ROOT / "examples")): path.read_text()
    for path in sorted(ROOT.glob("examples/**/*.yaml"))
    if path.name != "kustomization.yaml"
}
NOT_SERVED = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, which this cluster does not have; unit tests look at these manifests."""

SELF_REVIEW = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of its own: Helm owns the CRDs here."""
    with own_cluster("chart") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster) -> Kubectl:
    kubectl = Kubectl(ensure_tools() / "kubectl", cluster.kubeconfig)
    for namespace in TEAMS:
        kubectl.run("create", "namespace", namespace)
    kubectl.run("create", "namespace", NAMESPACE)
    kubectl.run("label", "namespace", NAMESPACE, *TEAMS, "pod-security.kubernetes.io/enforce=restricted")
    return kubectl


@pytest.fixture(scope="module")
def installed(cluster: Cluster, kubectl: Kubectl) -> Kubectl:
    """Both charts, with their own values."""
    for chart in CHARTS:
        helm(cluster, "install", chart, chart)
    kubectl.run("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=mlops-operator")
    return kubectl


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(cluster: Cluster, installed: Kubectl) -> AsyncIterator[Client]:
    async with Client(load_config(cluster.kubeconfig), user_agent="test") as client:
        yield client


def helm(cluster: Cluster, command: str, release: str, chart: str, *options: str) -> str:
    return tool(cluster, "helm", command, release, str(ROOT / "helm" / chart), f"--namespace={NAMESPACE}", *options)[0]


def tool(cluster: Cluster, name: str, *arguments: str, stdin: str = "") -> tuple[str, str]:
    """Standard output and standard error of a program that succeeds."""
    command = [str(ensure_tools() / name), f"--kubeconfig={cluster.kubeconfig}", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def rendered(cluster: Cluster, chart: str, values: Path | None = None) -> list[Manifest]:
    options = [f"--values={values}"] if values else []
    found = yaml.safe_load_all(helm(cluster, "template", RELEASE, chart, *options))
    return [manifest for manifest in found if manifest]


def versions(kubectl: Kubectl) -> dict[str, str]:
    """The resourceVersion of everything that the charts own, by kind and name."""
    kinds = "crd,clusterrole,clusterrolebinding,role,rolebinding,serviceaccount,service,deployment"
    selector = "app.kubernetes.io/part-of=mlops-operator"
    listed = json.loads(kubectl.run("get", kinds, "--all-namespaces", "-l", selector, "-o", "json"))["items"]
    return {f"{m['kind']}/{m['metadata']['name']}": m["metadata"]["resourceVersion"] for m in listed}


def without_rollout(found: dict[str, str]) -> dict[str, str]:
    """Without the Deployment, whose status the controller-manager is still writing."""
    return {name: version for name, version in found.items() if not name.startswith("Deployment/")}


def generation_of_deployment(kubectl: Kubectl) -> int:
    deployment = kubectl.in_namespace(NAMESPACE).get("deployment", RELEASE)
    assert deployment is not None
    return int(deployment["metadata"]["generation"])


async def test_both_charts_install(installed: Kubectl) -> None:
    found = versions(installed)
    assert {"Deployment/mlops-operator", "ClusterRole/mlops-operator", "ServiceAccount/mlops-operator"} <= set(found)
    assert len([name for name in found if name.startswith("CustomResourceDefinition/")]) == 8


async def test_an_upgrade_to_the_same_changes_nothing(cluster: Cluster, installed: Kubectl) -> None:
    before = versions(installed)
    generation = generation_of_deployment(installed)
    for chart in CHARTS:
        helm(cluster, "upgrade", chart, chart)
    again = generation_of_deployment(installed)
    assert without_rollout(versions(installed)) == without_rollout(before)
    assert again == generation


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
async def test_the_server_takes_every_manifest_without_a_warning(
    cluster: Cluster, installed: Kubectl, values: Path
) -> None:
    manifests = [m for m in rendered(cluster, RELEASE, values) if m["kind"] not in NOT_SERVED]
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    _, warnings = tool(cluster, "kubectl", "apply", *options, "-f", "-", stdin=documents(manifests))
    assert warnings == ""


@pytest.mark.parametrize("values", ["namespaced", "openshift"])
async def test_the_operators_pod_is_allowed_where_only_restricted_pods_are(
    cluster: Cluster, installed: Kubectl, values: str
) -> None:
    for manifest in rendered(cluster, RELEASE, ROOT / f"tests/integration/packaging/values/{values}.yaml"):
        if manifest["kind"] in ("Deployment", "Job"):
            template = manifest["spec"]["template"]
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": template["spec"]}
            pod["spec"]["serviceAccountName"] = "default"
            installed.run("create", "--dry-run=server", "-f", "-", f"--namespace={NAMESPACE}", stdin=json.dumps(pod))


async def test_kubeconform_agrees(cluster: Cluster, client: Client, tmp_path: Path) -> None:
    """Against the schemas of the very API server, in which unknown fields are errors."""
    await write_schemas(client, tmp_path)
    manifests = [m for chart in CHARTS for m in rendered(cluster, chart)]
    for values in VALUES:
        manifests += [m for m in rendered(cluster, RELEASE, values) if m["kind"] not in NOT_SERVED]
    found = kubeconform(documents(manifests), tmp_path)
    assert found == {"valid": len(manifests), "invalid": 0, "errors": 0, "skipped": 0}


@pytest.mark.parametrize("name", EXAMPLES)
async def test_examples_conform(client: Client, tmp_path: Path, name: str) -> None:
    """As they stand in the file: kubectl's YAML reader sees more booleans than Python's."""
    await write_schemas(client, tmp_path)
    found = kubeconform(EXAMPLES[name], tmp_path)
    assert found["valid"] > 0
    assert found["invalid"] + found["errors"] + found["skipped"] == 0


async def test_kubeconform_would_notice(client: Client, tmp_path: Path) -> None:
    await write_schemas(client, tmp_path)
    broken = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}}
    assert kubeconform(to_yaml(broken), tmp_path)["invalid"] == 1


def documents(manifests: list[Manifest]) -> str:
    return "---\n".join(map(to_yaml, manifests))


def kubeconform(text: str, folder: Path) -> dict[str, int]:
    """How many documents are valid, invalid, in error or skipped."""
    done = subprocess.run(
        [str(ensure_tools() / "kubeconform"), "-summary", "-output=json", f"-schema-location={folder / LOCATION}"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    for resource in report.get("resources") or ():
        print(resource)
    summary: dict[str, int] = report["summary"]
    return summary


async def test_people_who_may_edit_a_namespace_may_edit_the_kinds(client: Client) -> None:
    for role in ("view", "edit", "admin"):
        manifest = ROLE_BINDINGS.manifest(name=role, namespace=TEAMS[0])
        manifest["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        manifest["subjects"] = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"{role}er"}]
        await client.create(ROLE_BINDINGS, manifest)

    async def may(user: str, verb: str, subresource: str = "") -> bool:
        where = {"namespace": TEAMS[0], "group": TRAINING_JOBS.group, "resource": TRAINING_JOBS.plural}
        spec = {"user": user, "resourceAttributes": {**where, "verb": verb, "subresource": subresource}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = await client.request("POST", SELF_REVIEW.path(), body=review)
        return bool(answer["status"]["allowed"])

    await eventually(lambda: may("adminer", "create"), within=20)  # the controller-manager aggregates
    assert await may("viewer", "list")
    assert not await may("viewer", "create")
    assert await may("editer", "create")
    assert await may("editer", "get")
    assert not await may("adminer", "patch", "status")


def account_config(cluster: Cluster, kubectl: Kubectl, folder: Path, account: str) -> Path:
    """A kubeconfig by which its bearer is that service account of the operator's namespace."""
    token = kubectl.run("create", "token", account, f"--namespace={NAMESPACE}").strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    config["contexts"][0]["context"]["namespace"] = NAMESPACE
    file = folder / f"{account}.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)
    return file


@asynccontextmanager
async def operator(
    cluster: Cluster, kubectl: Kubectl, folder: Path, *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The operator as a process, to the API server its service account with the rights that the chart gave it."""
    file = account_config(cluster, kubectl, folder, RELEASE)
    log = folder / "operator.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mlops_operator", "run", f"--kubeconfig={file}", *arguments,
            cwd=ROOT, env={"PYTHONPATH": "operator", "PATH": ""}, stderr=output,
        )  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # it ended by itself, which its exit code will tell
                process.terminate()
            code = await asyncio.wait_for(process.wait(), 30)
            print(log.read_text())
    assert code == 0


def arguments_of(manifests: list[Manifest]) -> list[str]:
    """The arguments that the chart gives the operator, with a free port for metrics."""
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    found: list[str] = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return [*(a for a in found if a != "run" and "bind-address" not in a), "--metrics-bind-address=127.0.0.1:0"]


async def complete(client: Client, namespace: str, name: str, running: asyncio.subprocess.Process) -> None:
    """A TrainingJob without a Model runs to its end, or the operator ends."""
    job = {"image": "example.test/train:1", "command": ["true"]}
    await client.create(TRAINING_JOBS, {**TRAINING_JOBS.manifest(name=name, namespace=namespace), "spec": job})

    async def status() -> TrainingJobStatus:
        return TrainingJobStatus.of(await client.get(TRAINING_JOBS, namespace=namespace, name=name))

    def done(found: TrainingJobStatus) -> bool:
        return running.returncode is not None or is_true(found.conditions, COMPLETE)

    assert is_true((await eventually(status, done, within=30)).conditions, COMPLETE)


def refused(requests: dict[Request, int]) -> list[Request]:
    return [request for request in requests if request.agent == "mlops-operator" and request.code in (401, 403)]


async def test_the_rights_suffice(cluster: Cluster, installed: Kubectl, client: Client, tmp_path: Path) -> None:
    audit = AuditLog(cluster.audit_log)
    arguments = arguments_of(rendered(cluster, RELEASE))
    async with operator(cluster, installed, tmp_path, *arguments) as process, FakeKubelet(client):
        await complete(client, TEAMS[0], "with-rights", process)
    requests = audit.read()
    assert refused(requests) == []
    assert any(request.agent == "mlops-operator" and request.is_write for request in requests)


async def test_the_charts_own_test_passes_with_its_own_rights(
    cluster: Cluster, installed: Kubectl, client: Client, tmp_path: Path
) -> None:
    """What `helm test` runs in a pod, run as a process: there is no kubelet here to run the pod."""
    manifests = rendered(cluster, RELEASE)
    hooks = [m for m in manifests if "helm.sh/hook" in m["metadata"].get("annotations", {})]
    (job,) = (m for m in hooks if m["kind"] == "Job")
    rights = [m for m in hooks if m["kind"] != "Job"]
    tool(cluster, "kubectl", "apply", "--server-side", "-f", "-", stdin=documents(rights))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    given = {entry["name"]: entry.get("value", NAMESPACE) for entry in container["env"]}
    file = account_config(cluster, installed, tmp_path, job["spec"]["template"]["spec"]["serviceAccountName"])
    async with operator(cluster, installed, tmp_path, *arguments_of(manifests)), FakeKubelet(client):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", container["args"][0], cwd=ROOT, stdout=asyncio.subprocess.PIPE,
            env={**given, "KUBECONFIG": str(file), "PYTHONPATH": "operator", "PATH": ""},
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output.decode()
    assert '"phase": "Succeeded"' in output.decode()
    assert (await client.list(TRAINING_JOBS, namespace=NAMESPACE)).items == []
    tool(cluster, "kubectl", "delete", "-f", "-", stdin=documents(rights))  # as its hook's policy says


async def test_in_namespaced_mode_roles_suffice(
    cluster: Cluster, installed: Kubectl, client: Client, tmp_path: Path
) -> None:
    """Two namespaces are served; a third is neither read nor written, and nothing is asked for cluster-wide."""
    helm(cluster, "upgrade", RELEASE, RELEASE, "--set", f"watchNamespaces={{{','.join(TEAMS)}}}")
    assert "ClusterRole/mlops-operator" not in versions(installed)
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"watchNamespaces": list(TEAMS)}))
    audit = AuditLog(cluster.audit_log)
    arguments = arguments_of(rendered(cluster, RELEASE, values))
    async with operator(cluster, installed, tmp_path, *arguments) as process, FakeKubelet(client):
        await complete(client, TEAMS[1], "namespaced", process)
    requests = audit.read()
    assert refused(requests) == []
    elsewhere = [
        request
        for request in requests
        if request.agent == "mlops-operator"
        and request.namespace not in (*TEAMS, NAMESPACE)
        and not request.resource.startswith("/")  # discovery, which everybody may read
    ]
    assert elsewhere == []


async def test_uninstalling_leaves_the_kinds_and_their_objects(
    cluster: Cluster, installed: Kubectl, client: Client
) -> None:
    await client.create(
        TRAINING_JOBS, {**TRAINING_JOBS.manifest(name="kept", namespace=TEAMS[0]), "spec": {"image": "a"}}
    )
    for release in CHARTS:
        tool(cluster, "helm", "uninstall", release, f"--namespace={NAMESPACE}")
    assert {name.partition("/")[0] for name in versions(installed)} == {"CustomResourceDefinition"}
    kept = await client.get(TRAINING_JOBS, namespace=TEAMS[0], name="kept")
    assert kept["spec"]["image"] == "a"


async def test_the_kustomize_base_applies_twice_and_changes_nothing(cluster: Cluster, kubectl: Kubectl) -> None:
    base = ROOT / "helm/kustomize/base"
    tool(cluster, "kubectl", "apply", "-k", str(base))
    before = without_rollout(versions(kubectl))
    answer, _ = tool(cluster, "kubectl", "apply", "-k", str(base))
    assert {line.rsplit(" ", 1)[1] for line in answer.splitlines()} == {"unchanged"}
    assert without_rollout(versions(kubectl)) == before
