# SPDX-License-Identifier: Apache-2.0
"""MLServer as the server of a ModelDeployment: same answers as the default runtime, same care with a broken model."""

import json
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_digits

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    RUNNING,
    WORKLOAD_IMAGE,
    fetch,
    is_true,
    manifest,
    new_namespace,
    of,
    patch,
    pod,
    wait_true,
)

pytestmark = pytest.mark.timeout(400)

IMAGE = "mlops-mlserver"
MODEL = "digits"
GOLDEN_ROWS = 20
TRAIN_ROWS = 898
"""The first half of the digits."""

SERVED = 180.0
"""Seconds until a first server is ready: MLServer takes 5 s to start on an idle machine, and more beside other work."""

TRAIN = f"""
import pathlib, tempfile
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from mlops_workload import run
with run() as r:
    x, y = load_digits(return_X_y=True)
    model = SVC(gamma=0.001).fit(x[:{TRAIN_ROWS}], y[:{TRAIN_ROWS}])
    r.log(accuracy=float(model.score(x[{TRAIN_ROWS}:], y[{TRAIN_ROWS}:])))
    r.golden(x[-{GOLDEN_ROWS}:], model.predict(x[-{GOLDEN_ROWS}:]))
    if r.param("broken", False):
        path = pathlib.Path(tempfile.mkdtemp(), "model.joblib")
        path.write_text("this is no model")
        r.save_model(path)
    else:
        r.save_model(model)
"""

ASK = f"""
import sys
from sklearn.datasets import load_digits
from mlops_workload.inference_protocol import INPUT_NAME, exchange, infer_url, to_tensor
body = {{"inputs": [to_tensor(INPUT_NAME, load_digits().data[{TRAIN_ROWS}:])]}}
reply = exchange(infer_url(f"http://{{sys.argv[1]}}", "{MODEL}"), body=body, timeout=30)
assert reply.status == 200, (reply.status, reply.body)
print(reply.body.decode())
"""


class Trained(NamedTuple):
    """A namespace with two versions of the Model, one of which nothing can load."""

    kubectl: Kubectl
    good: str
    broken: str


def train(kubectl: Kubectl, name: str, **parameters: Any) -> str:
    """The version that a training registers."""
    settings = {"image": WORKLOAD_IMAGE, "command": ["python3", "-c", TRAIN], "parameters": parameters}
    kubectl.apply(manifest("TrainingJob", name, model=MODEL, **settings))
    done = wait_true(kubectl, "trainingjob", name, "Complete", timeout=SERVED)
    version: str = done["status"]["modelVersion"]
    wait_true(kubectl, "modelversion", version)
    return version


def deployment(name: str, version: str, runtime: Manifest, **spec: Any) -> Manifest:
    return manifest(
        "ModelDeployment",
        name,
        model={"name": MODEL, "version": version},
        runtime=runtime,
        # A latency limit would judge the machine: what is asked here is whether the answers are right.
        rollout={"steps": [], "golden": {"maxLatency": "30s"}},
        **spec,
    )


def ask(kubectl: Kubectl, service: str) -> Manifest:
    """What a served model answers to the rows of the second half, asked by a pod in its namespace."""
    name = f"ask-{uuid.uuid4().hex[:5]}"
    kubectl.apply(pod(name, {"name": "main", "image": WORKLOAD_IMAGE, "command": ["python3", "-c", ASK, service]}, []))
    done = kubectl.wait(
        "pod", name, lambda obj: obj["status"]["phase"] in ("Succeeded", "Failed"), what="to end", timeout=RUNNING
    )
    assert done["status"]["phase"] == "Succeeded", kubectl.logs(name)
    return dict(json.loads(kubectl.logs(name)))


def protocol_part(answer: Manifest) -> Manifest:
    """The answer without its id and the optional parameters."""
    outputs = [{key: output[key] for key in ("name", "shape", "datatype", "data")} for output in answer["outputs"]]
    return {"model": answer["model_name"], "version": answer["model_version"], "outputs": outputs}


def wait_stopped(kubectl: Kubectl, name: str, version: str) -> Manifest:
    def stopped(obj: Manifest) -> bool:
        return ((obj.get("status") or {}).get("stopped") or {}).get("version") == version

    return kubectl.wait("modeldeployment", name, stopped, what="the candidate to be stopped", timeout=SERVED)


@pytest.fixture(scope="module")
def trained(platform: Platform, kubectl: Kubectl) -> Iterator[Trained]:
    platform.cluster.load_image(IMAGE)
    with new_namespace(kubectl, "mlserver") as inside:
        inside.apply(manifest("Model", MODEL))
        yield Trained(inside, good=train(inside, "good"), broken=train(inside, "broken", broken=True))


@pytest.fixture(scope="module")
def served(trained: Trained) -> Manifest:
    """A ModelDeployment on MLServer, Ready."""
    trained.kubectl.apply(deployment("mlserver", trained.good, {"name": "mlserver-sklearn"}))
    return wait_true(trained.kubectl, "modeldeployment", "mlserver", timeout=SERVED)


def test_golden_requests_pass_through_mlserver(trained: Trained, served: Manifest) -> None:
    (check,) = trained.kubectl.list("pod", f"{of(served)},app.kubernetes.io/component=golden")
    (container,) = check["status"]["containerStatuses"]
    assert json.loads(container["state"]["terminated"]["message"])["counts"] == {
        "requests": GOLDEN_ROWS,
        "mismatches": 0,
        "errors": 0,
        "slow": 0,
    }


def test_mlserver_runs_restricted(trained: Trained, served: Manifest) -> None:
    (server,) = trained.kubectl.list("pod", f"{of(served)},app.kubernetes.io/component=server")
    assert is_true(server, "Ready")
    assert server["spec"]["securityContext"]["runAsNonRoot"] is True
    (container,) = server["spec"]["containers"]
    assert container["image"] == f"localhost/{IMAGE}:dev"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.usefixtures("served")
def test_both_runtimes_give_the_same_answer(trained: Trained) -> None:
    trained.kubectl.apply(deployment("kserve", trained.good, {"name": "kserve-sklearn"}))
    wait_true(trained.kubectl, "modeldeployment", "kserve", timeout=SERVED)
    theirs, ours = protocol_part(ask(trained.kubectl, "mlserver")), protocol_part(ask(trained.kubectl, "kserve"))
    assert theirs == ours
    assert theirs["version"] == trained.good
    right = np.asarray(theirs["outputs"][0]["data"]) == load_digits().target[TRAIN_ROWS:]
    assert right.mean() == pytest.approx(0.9689, abs=5e-5)


@pytest.mark.usefixtures("served")
def test_version_that_mlserver_cannot_load_is_stopped(trained: Trained) -> None:
    before = protocol_part(ask(trained.kubectl, "mlserver"))
    patch(trained.kubectl, "modeldeployment", "mlserver", {"model": {"version": trained.broken}})
    status = wait_stopped(trained.kubectl, "mlserver", trained.broken)["status"]
    assert status["stopped"]["reason"] == "ModelLoadFailed"
    assert "model.joblib" in status["stopped"]["message"]
    assert status["stable"]["version"] == trained.good
    assert protocol_part(ask(trained.kubectl, "mlserver")) == before


def test_plain_mlserver_that_ends_with_exit_code_0_is_stopped(trained: Trained) -> None:
    """MLServer without our class says nothing of a model it cannot load, and its exit code is that of success."""
    plain = {
        "image": f"localhost/{IMAGE}:dev",
        "command": ["python3", "-c", "from mlserver.cli import main; main()"],
        "args": ["start", "/app"],
    }
    environment = {
        "MLSERVER_MODEL_NAME": MODEL,
        "MLSERVER_MODEL_URI": "/mnt/model",
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_sklearn.SKLearnModel",
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_METRICS_DIR": "/tmp",
    }
    env = [{"name": name, "value": value} for name, value in environment.items()]
    trained.kubectl.apply(deployment("plain", trained.broken, {"custom": plain}, env=env))
    status = wait_stopped(trained.kubectl, "plain", trained.broken)["status"]
    assert status["stopped"]["reason"] == "ServerCrashed"
    assert "Completed, exit code 0" in status["stopped"]["message"]
    assert "stable" not in status
    assert fetch(trained.kubectl, "modeldeployment", "plain")["status"]["phase"] != "Stable"
