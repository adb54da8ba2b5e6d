# SPDX-License-Identifier: Apache-2.0
"""ModelDeployments on real pods: what clients get, how many servers there are, and how one version follows another.

The versions are made once for all tests of this file, in one namespace; every test has a
ModelDeployment of its own. Where the model does not matter its server is `scripts/v2_server.py`.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator

import pytest

from localcluster.images import base_reference
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    RUNNING,
    WORKLOAD_IMAGE,
    Client,
    condition,
    config_map,
    fetch,
    is_true,
    manifest,
    new_namespace,
    of,
    patch,
    pod,
    served,
    version,
    wait_gone,
    wait_true,
    write_files,
)

pytestmark = pytest.mark.timeout(400)

LIGHT = {"requests": {"cpu": "20m", "memory": "32Mi"}}
VERSIONS = {f"plus-{number}": f'{{"offset": {number}}}' for number in (1, 2, 3)}

BEHAVIOR = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 5,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 2, "periodSeconds": 30},
        ],
    },
}


@pytest.fixture(scope="module")
def shelf(kubectl: Kubectl) -> Iterator[Kubectl]:
    """A namespace with a Model of three versions, `plus`, and the server that serves them."""
    with new_namespace(kubectl, "serving") as space:
        write_files(space, {f"{name}.json": content for name, content in VERSIONS.items()})
        space.apply(config_map("server", "v2_server.py"))
        space.apply(manifest("Model", "plus", aliases=[{"name": "champion"}, {"name": "other"}]))
        for name, content in VERSIONS.items():
            space.apply(version(name, "plus", f"{name}.json", content))
        yield space


@pytest.fixture(scope="module")
def loaded(shelf: Kubectl) -> Iterator[Client]:
    """An autoscaled deployment under load from the first test on: metrics and autoscaler look only every 15 s."""
    shelf.apply(
        served(
            "busy",
            {"name": "plus", "version": "plus-1"},
            env=[{"name": "BURN_MILLISECONDS", "value": "20"}],
            resources={"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "150m"}},
            autoscaling={"minReplicas": 1, "maxReplicas": 2, "behavior": BEHAVIOR},
        )
    )
    wait_true(shelf, "modeldeployment", "busy")
    client = Client(shelf, "load", url="http://busy/v2/models/plus/infer", rate=50)
    yield client
    client.stop()


@pytest.mark.usefixtures("loaded")
def test_own_server_answers_with_the_version_it_serves(shelf: Kubectl) -> None:
    shelf.apply(served("own", {"name": "plus", "version": "plus-2"}, resources=LIGHT))
    ready = wait_true(shelf, "modeldeployment", "own")
    assert ready["status"]["url"] == f"http://own.{shelf.namespace}.svc.cluster.local"
    answer = ask(shelf, ready["status"]["url"], "plus", [[1.0], [5.0]])
    assert (answer["model_name"], answer["model_version"]) == ("plus", "plus-2")
    assert answer["outputs"][0]["data"] == [3.0, 7.0]
    (server,) = shelf.list("pod", of(ready))
    container = next(entry for entry in server["spec"]["containers"] if entry["name"] == "main")
    assert container["startupProbe"]["httpGet"]["path"] == "/v2/models/plus/ready"
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/models/plus/ready"
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] > 0


def test_scaling_by_the_subresource_and_the_disruption_budget(shelf: Kubectl) -> None:
    shelf.apply(served("wide", {"name": "plus", "version": "plus-1"}, resources=LIGHT))
    single = wait_true(shelf, "modeldeployment", "wide")
    assert shelf.list("poddisruptionbudget", of(single)) == []

    shelf.run("scale", "modeldeployment", "wide", "--replicas=2")
    double = shelf.wait("modeldeployment", "wide", lambda obj: serves(obj, 2), what="two servers", timeout=RUNNING)
    scale = json.loads(shelf.run("get", "modeldeployment", "wide", "--subresource=scale", "-o", "json"))
    assert scale["status"]["replicas"] == 2
    assert len(shelf.list("pod", scale["status"]["selector"])) == 2
    (budget,) = shelf.list("poddisruptionbudget", of(double))
    assert budget["spec"]["maxUnavailable"] == 1
    allowed = shelf.wait(
        "poddisruptionbudget",
        budget["metadata"]["name"],
        lambda obj: obj.get("status", {}).get("disruptionsAllowed") == 1,
        what="to count two servers",
    )
    assert allowed["status"]["currentHealthy"] == 2

    shelf.run("scale", "modeldeployment", "wide", "--replicas=1")
    shelf.wait("modeldeployment", "wide", lambda obj: serves(obj, 1), what="one server", timeout=RUNNING)
    wait_gone(shelf, "poddisruptionbudget", "-l", of(single))


def test_changed_resources_are_a_new_revision_and_cost_no_request(shelf: Kubectl) -> None:
    rollout = {"steps": [{"weight": 50, "pause": "2s"}], "bake": "2s"}
    shelf.apply(served("steady", {"name": "plus", "version": "plus-1"}, resources=LIGHT, rollout=rollout, replicas=2))
    before = wait_true(shelf, "modeldeployment", "steady")
    client = Client(shelf, "steady-client", url="http://steady/v2/models/plus/infer")
    client.more(20)

    patch(shelf, "modeldeployment", "steady", {"resources": {"requests": {"cpu": "30m"}}})
    revision = before["status"]["stable"]["revision"]
    after = shelf.wait(
        "modeldeployment",
        "steady",
        lambda obj: obj["status"]["stable"]["revision"] != revision and settled(obj),
        what="another revision",
        timeout=120,
    )
    assert after["status"]["stable"]["version"] == "plus-1"
    wait_gone(shelf, "pod", "-l", f"{of(after)},mlops-operator.io/revision={revision}")
    counts = client.more(20)
    assert (counts["failed"], counts["errors"]) == (0, [])
    assert counts["versions"] == {"plus-1": counts["sent"]}
    client.stop()

    (deployment,) = shelf.list("deployment", of(after))
    assert deployment["metadata"]["name"] == after["status"]["stable"]["deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"] == "30m"
    assert len(shelf.list("pod", f"{of(after)},app.kubernetes.io/component=server")) == 2


def test_alias_that_moves_in_mid_rollout_ends_at_its_last_target(shelf: Kubectl) -> None:
    rollout = {"steps": [{"weight": 50, "pause": "4s"}], "bake": "0s"}
    promote(shelf, "first", "plus-1")
    shelf.apply(served("follows", {"name": "plus", "alias": "champion"}, resources=LIGHT, rollout=rollout))
    wait_true(shelf, "modeldeployment", "follows")
    client = Client(shelf, "follower", url="http://follows/v2/models/plus/infer")

    promote(shelf, "second", "plus-2")
    shelf.wait(
        "modeldeployment",
        "follows",
        lambda obj: (
            (obj["status"].get("candidate") or {}).get("phase") == "Stepping"
            and obj["status"]["candidate"]["version"] == "plus-2"
        ),
        what="the second version to take a share",
    )
    promote(shelf, "third", "plus-3")
    after = shelf.wait(
        "modeldeployment",
        "follows",
        lambda obj: obj["status"]["stable"]["version"] == "plus-3" and settled(obj),
        what="the third version",
        timeout=120,
    )
    (deployment,) = shelf.list("deployment", of(after))
    assert deployment["metadata"]["name"] == after["status"]["stable"]["deployment"]
    counts = client.more(20)
    assert (counts["failed"], counts["errors"]) == (0, [])
    client.stop()
    (champion,) = [entry for entry in fetch(shelf, "model", "plus")["status"]["aliases"] if entry["name"] == "champion"]
    assert champion["version"] == "plus-3"


def test_scikit_learn_model_is_served_by_the_runtime_table(shelf: Kubectl) -> None:
    shelf.apply(manifest("Model", "stump"))
    shelf.apply(config_map("training", "train_stump.py"))
    mount = {"name": "main", "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}]}
    scripts = {"name": "scripts", "configMap": {"name": "training"}}
    shelf.apply(
        manifest(
            "TrainingJob",
            "stump",
            model="stump",
            image=WORKLOAD_IMAGE,
            command=["python3", "/scripts/train_stump.py"],
            parameters={"threshold": 0.0},
            seed=3,
            template={"spec": {"containers": [mount], "volumes": [scripts]}},
        )
    )
    trained = wait_true(shelf, "trainingjob", "stump", "Complete", timeout=120)
    assert trained["status"]["metrics"]["accuracy"] > 0.9
    name = trained["status"]["modelVersion"]
    shelf.apply(
        manifest(
            "ModelDeployment",
            "stump",
            model={"name": "stump", "version": name},
            resources={"requests": {"cpu": "100m", "memory": "256Mi"}},
        )
    )
    ready = wait_true(shelf, "modeldeployment", "stump", timeout=180)
    assert ready["status"]["stable"]["golden"]["passed"] is True
    answer = ask(shelf, ready["status"]["url"], "stump", [[0.9, 0.9], [-0.9, -0.9], [0.8, 0.7]])
    assert (answer["model_name"], answer["model_version"]) == ("stump", name)
    assert answer["outputs"][0]["data"] == [1, 0, 1]
    assert json.loads(typed(shelf, ready["status"]["example"]))["model_version"] == name
    shelf.run("delete", "modeldeployment", "stump", "--wait=false")


def test_autoscaler_follows_the_load(shelf: Kubectl, loaded: Client) -> None:
    busy = fetch(shelf, "modeldeployment", "busy")
    (autoscaler,) = shelf.list("horizontalpodautoscaler", of(busy))
    assert autoscaler["spec"]["behavior"] == BEHAVIOR
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (1, 2)
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == busy["status"]["stable"]["deployment"]
    shelf.wait("modeldeployment", "busy", lambda obj: serves(obj, 2), what="two servers under load", timeout=150)
    assert loaded.until(bool)["failed"] == 0
    loaded.stop()
    shelf.wait("modeldeployment", "busy", lambda obj: serves(obj, 1), what="one server without load", timeout=150)
    assert "replicas" not in fetch(shelf, "modeldeployment", "busy")["spec"]


# -- what the tests share ------------------------------------------------------------------------


def serves(obj: Manifest, replicas: int) -> bool:
    """Whether exactly so many servers are ready, and nothing is on its way."""
    status = obj.get("status") or {}
    return bool(status.get("replicas") == status.get("readyReplicas") == replicas and is_true(obj, "Ready"))


def settled(obj: Manifest) -> bool:
    """Whether a rollout is over, well."""
    return (
        is_true(obj, "Ready")
        and "candidate" not in obj["status"]
        and condition(obj, "Reconciling")["status"] == "False"
    )


def promote(kubectl: Kubectl, name: str, target: str) -> None:
    """Move `champion` to a version."""
    kubectl.apply(manifest("Promotion", name, model="plus", alias="champion", version=target))
    kubectl.wait("promotion", name, lambda obj: is_true(obj, "Ready"), what="to move the alias", timeout=RUNNING)


def typed(kubectl: Kubectl, commands: str) -> str:
    """What a shell prints for the commands of `status.example`, at a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = commands.replace("localhost:8080", f"localhost:{port}").replace(" 8080:", f" {port}:") + "\nkill $!\n"
    environment = {
        "PATH": os.pathsep.join((str(kubectl.binary.parent), os.environ["PATH"])),
        "KUBECONFIG": str(kubectl.kubeconfig),
        "HOME": str(kubectl.kubeconfig.parent),
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=RUNNING, check=True
    )
    return done.stdout


def ask(kubectl: Kubectl, url: str, model: str, rows: list[list[float]]) -> Manifest:
    """The answer that a pod gets to one request by the Open Inference Protocol."""
    width = len(rows[0])
    tensor = {
        "name": "input-0",
        "datatype": "FP64",
        "shape": [len(rows), width] if width > 1 else [len(rows)],
        "data": [value for row in rows for value in row],
    }
    container = {
        "name": "main",
        "image": base_reference(),
        "command": ["python3", "/scripts/v2_client.py", "--once", f"--url={url}/v2/models/{model}/infer"],
        "env": [{"name": "QUESTION", "value": json.dumps({"inputs": [tensor]})}],
        "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}],
    }
    name = f"ask-{model}"
    kubectl.apply(config_map(name, "v2_client.py"))
    kubectl.apply(pod(name, container, [{"name": "scripts", "configMap": {"name": name}}]))
    ended = kubectl.wait(
        "pod", name, lambda obj: obj["status"]["phase"] in ("Succeeded", "Failed"), what="an answer", timeout=RUNNING
    )
    assert ended["status"]["phase"] == "Succeeded", kubectl.logs(name)
    return dict(json.loads(kubectl.logs(name)))
