# SPDX-License-Identifier: Apache-2.0
"""The installed operator itself: its rights, lease, metrics and events, its restart, and what it needs to start."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.platform import SYSTEM_NAMESPACE, Platform
from localcluster.kubectl import Kubectl, KubectlError, Manifest
from mlops_operator.api.registry import KINDS
from tests.e2e.support import (
    RUNNING,
    config_map,
    fetch,
    is_true,
    manifest,
    new_namespace,
    promptly,
    served,
    training,
    version,
    wait_gone,
    wait_true,
    write_files,
)
from tests.harness.audit import AuditLog, select

pytestmark = pytest.mark.timeout(300)

OPERATOR = "app.kubernetes.io/instance=mlops-operator,app.kubernetes.io/component=operator"
METRICS = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/services/mlops-operator-metrics:http/proxy/metrics"
CONTENT = '{"offset": 1}'


@pytest.fixture(scope="module")
def system(kubectl: Kubectl) -> Kubectl:
    """The operator's own namespace."""
    return kubectl.in_namespace(SYSTEM_NAMESPACE)


@pytest.fixture(scope="module")
def settled(kubectl: Kubectl) -> Iterator[Kubectl]:
    """A namespace with objects of several kinds that have come to rest."""
    with new_namespace(kubectl, "settled") as space:
        write_files(space, {"model.json": CONTENT})
        space.apply(config_map("server", "v2_server.py"))
        space.apply(manifest("Model", "plus", aliases=[{"name": "champion", "bootstrap": True}]))
        space.apply(version("plus-1", "plus", "model.json", CONTENT))
        space.apply(served("plus", {"name": "plus", "alias": "champion"}))
        space.apply(training("done", "report(counts={'rows': 1})\n"))
        space.apply(training("failed", "sys.exit(1)\n"))
        wait_true(space, "trainingjob", "done", "Complete")
        wait_true(space, "trainingjob", "failed", "Failed")
        wait_true(space, "modeldeployment", "plus", "ModelLoaded")
        # Its last word: where it is deployed, which follows from the deployment's own last word.
        space.wait("modelversion", "plus-1", lambda obj: "deployedIn" in obj.get("status", {}), what="to be deployed")
        yield space


def test_transitions_are_told_as_events(settled: Kubectl) -> None:
    told = Counter(
        (event["regarding"]["kind"], event["regarding"]["name"], event["reason"], event["type"])
        for event in json.loads(settled.run("get", "events.events.k8s.io", "-o", "json"))["items"]
        if event.get("reportingController") == "mlops-operator.io/mlops-operator"
    )
    assert told["TrainingJob", "failed", "Failed", "Warning"] == 1
    assert told["ModelVersion", "plus-1", "Verified", "Normal"] == 1
    assert any(kind == "ModelDeployment" and level == "Normal" for kind, _, _, level in told)
    assert any(kind == "Promotion" for kind, *_ in told)
    assert max(told.values()) == 1
    # What went as it should is in its status and in its Job's events; one more write would be for nothing.
    assert not [name for kind, name, *_ in told if (kind, name) == ("TrainingJob", "done")]


def test_restart_writes_nothing(platform: Platform, system: Kubectl, settled: Kubectl) -> None:
    (before,) = operator_pods(system)
    log = AuditLog(platform.cluster.audit_log)
    system.run("delete", "pod", before["metadata"]["name"], "--wait=true")
    after = system.wait(
        "lease",
        "mlops-operator",
        lambda lease: lease["spec"].get("holderIdentity", "").startswith("mlops-operator-") and not_of(lease, before),
        what="another holder",
        timeout=RUNNING,
    )
    wait_true(system, "deployment", "mlops-operator", "Available")
    assert after["spec"]["holderIdentity"] in {pod["metadata"]["name"] for pod in operator_pods(system)}
    objects = Counter({kind.kind.lower(): len(settled.list(kind.plural)) for kind in KINDS})
    promptly(lambda: reconciled(system), lambda seen: all(seen[name] >= count for name, count in objects.items()))
    promptly(lambda: metrics(system), lambda found: sum(found["workqueue_depth"].values()) == 0)

    requests = select(log.read(), namespace=settled.namespace)
    assert select(requests, writes=True) == Counter()
    assert sum(objects.values()) >= 6


def test_metrics_have_the_names_that_dashboards_know(system: Kubectl) -> None:
    found = metrics(system)
    for name in (
        "controller_runtime_reconcile_total",
        "controller_runtime_reconcile_errors_total",
        "controller_runtime_active_workers",
        "workqueue_adds_total",
        "workqueue_depth",
        "workqueue_retries_total",
        "leader_election_master_status",
    ):
        assert name in found, f"{name} is not among {sorted(found)}"
    for name in ("controller_runtime_reconcile_time_seconds", "workqueue_queue_duration_seconds"):
        assert f"{name}_bucket" in found
    assert set(found["leader_election_master_status"].values()) == {1.0}
    assert set(reconciled(system)) == {kind.kind.lower() for kind in KINDS}


def test_leader_is_elected(system: Kubectl) -> None:
    (pod,) = operator_pods(system)
    lease = json.loads(system.run("get", "lease", "mlops-operator", "-o", "json"))
    assert lease["spec"]["holderIdentity"] == pod["metadata"]["name"]
    container = pod["spec"]["containers"][0]
    assert "--no-leader-elect" not in container["args"]
    assert lease["spec"]["leaseDurationSeconds"] > 0


def test_chart_tests_itself(platform: Platform) -> None:
    assert "Phase:          Succeeded" in platform.helm("test", "mlops-operator", "--timeout=3m")


def test_missing_definition_is_waited_for(platform: Platform, system: Kubectl, kubectl: Kubectl) -> None:
    definition = "retrainpolicies.mlops-operator.io"
    # With their namespaces, which go in the background.
    wait_gone(kubectl, "retrainpolicy", "--all", "-A", timeout=240)
    system.run("scale", "deployment", "mlops-operator", "--replicas=0")
    wait_gone(system, "pod", "-l", OPERATOR)
    kubectl.run("delete", "crd", definition)
    try:
        system.run("scale", "deployment", "mlops-operator", "--replicas=1")
        system.wait("pod", None, running, what="the operator to run", timeout=RUNNING)
        (pod,) = operator_pods(system)
        reason = f"not known to the API server: {definition}"
        promptly(lambda: readiness(system, pod), lambda said: reason in said)
        assert not is_true(fetch(system, "pod", pod["metadata"]["name"]), "Ready")
    finally:
        platform.install("mlops-operator-crds")
    ready = wait_true(system, "pod", pod["metadata"]["name"])
    assert ready["status"]["containerStatuses"][0]["restartCount"] == 0
    with new_namespace(kubectl, "after-all", claims=()) as space:
        space.apply(manifest("RetrainPolicy", "early", model="nowhere", training={"spec": {"image": "localhost/none"}}))
        space.wait("retrainpolicy", "early", lambda obj: "status" in obj and is_told(obj), what="a status")


# -- what the tests share ------------------------------------------------------------------------


def operator_pods(system: Kubectl) -> list[Manifest]:
    """The operator's pods that are not ending."""
    return [pod for pod in system.list("pod", OPERATOR) if "deletionTimestamp" not in pod["metadata"]]


def not_of(lease: Manifest, pod: Manifest) -> bool:
    return bool(lease["spec"]["holderIdentity"] != pod["metadata"]["name"])


def running(pod: Manifest) -> bool:
    labels = pod["metadata"].get("labels") or {}
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    return labels.get("app.kubernetes.io/component") == "operator" and "running" in (statuses[0].get("state") or {})


def is_told(obj: Manifest) -> bool:
    return bool(obj["status"].get("observedGeneration", -1) >= 1)


def readiness(system: Kubectl, pod: Manifest) -> str:
    """What the operator answers when its readiness is asked; empty while it does not answer yet."""
    program = (
        "import urllib.request, urllib.error\n"
        "try:\n    answer = urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=5)\n"
        "except urllib.error.HTTPError as error:\n    answer = error\n"
        "except OSError:\n    answer = None\n"
        "print(answer.read().decode() if answer else '')\n"
    )
    return system.run("exec", pod["metadata"]["name"], "--", "python3", "-c", program)


def metrics(system: Kubectl) -> dict[str, dict[str, float]]:
    """The operator's metrics: name, labels, value; empty while it cannot be asked."""
    try:
        text = system.run("get", "--raw", METRICS)
    except KubectlError:
        return {}
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def reconciled(system: Kubectl) -> Counter[str]:
    """Reconciliations of the running process, by controller."""
    counts = Counter[str]()
    for labels, value in metrics(system).get("controller_runtime_reconcile_total", {}).items():
        counts[dict(part.split("=") for part in labels.split(","))["controller"]] += int(value)
    return counts
