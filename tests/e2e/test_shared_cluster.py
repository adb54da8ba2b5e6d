"""A team's namespace on a cluster that others use too: a quota on CPU and memory, and nothing but tainted nodes.

Its only claim is not the one of the operator's artifact store.
"""

from collections.abc import Iterator

import pytest

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import WORKLOAD_IMAGE, fetch, manifest, new_namespace, wait_true, write_files

pytestmark = pytest.mark.timeout(400)

STORE = "models"
TAINT = "pool.mlops-operator.test"
TOLERATIONS = [{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}]
HARD = {"requests.cpu": "2", "requests.memory": "2Gi", "limits.cpu": "2", "limits.memory": "2Gi"}

TRAIN = """
from mlops_workload import run
from sklearn.linear_model import LogisticRegression
import numpy as np
with run() as r:
    x = np.arange(-20.0, 20.0).reshape(-1, 1)
    model = LogisticRegression().fit(x, (x[:, 0] > 0).astype(int))
    r.save_model(model)
    r.golden(x[-3:], model.predict(x[-3:]))
"""
HOLDOUT = "a,y\n" + "".join(f"{value + 0.5},{int(value >= 0)}\n" for value in range(-50, 50))


@pytest.fixture
def team(kubectl: Kubectl) -> Iterator[Kubectl]:
    """The namespace. While it is there, no pod without the toleration finds a node."""
    nodes = [node["metadata"]["name"] for node in kubectl.list("node")]
    with new_namespace(kubectl, "team", claims=(STORE,)) as space:
        write_files(space, {"holdout.csv": HOLDOUT, "predictions/log.jsonl": ""}, claim_name=STORE)
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": HARD}}
        space.apply(quota)
        space.wait("resourcequota", "team", lambda obj: obj.get("status", {}).get("hard") == HARD, what="to hold")
        for node in nodes:
            kubectl.run("taint", "node", node, f"{TAINT}=others:NoSchedule", "--overwrite")
        try:
            yield space
        finally:
            for node in nodes:
                kubectl.run("taint", "node", node, f"{TAINT}-")


def test_the_whole_loop_runs_with_a_quota_and_on_tainted_nodes(team: Kubectl) -> None:
    pods = {"tolerations": TOLERATIONS}
    gate = {
        "taskPods": pods,
        "data": [{"name": "holdout", "uri": f"pvc://{STORE}/holdout.csv"}],
        "metrics": [{"name": "accuracy", "min": 0.6, "minCount": 50}],
    }
    team.apply(manifest("Model", "sign", aliases=[{"name": "champion", "bootstrap": True, "gate": gate}]))
    amounts = {"cpu": "1", "memory": "512Mi"}
    training = {
        "model": "sign",
        "image": WORKLOAD_IMAGE,
        "command": ["python3", "-c", TRAIN],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": amounts},
        "output": {"uri": f"pvc://{STORE}"},
        "template": {"spec": pods},
        "taskPods": pods,
        "backoffLimit": 0,
    }
    team.apply(manifest("TrainingJob", "sign", **training))
    served = {"model": {"name": "sign", "alias": "champion"}, "template": {"spec": pods}, "taskPods": pods}
    team.apply(manifest("ModelDeployment", "sign", **served))
    ready = wait_true(team, "modeldeployment", "sign", "ModelLoaded", timeout=240)
    stable = ready["status"]["stable"]
    assert stable["golden"]["passed"] is True
    model = fetch(team, "model", "sign")
    assert [alias["version"] for alias in model["status"]["aliases"]] == [stable["version"]]
    (evaluation,) = team.list("evaluation")
    assert evaluation["status"]["verdict"] == "Pass"
    assert evaluation["status"]["report"]["uri"].startswith(f"pvc://{STORE}/evaluations/")
    monitor = {
        "taskPods": pods,
        "target": {"deployment": "sign"},
        "source": {"predictionLog": {"uri": f"pvc://{STORE}/predictions"}},
        "window": {"size": "5s"},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.6}}],
    }
    team.apply(manifest("ModelMonitor", "sign", **monitor))
    watched = team.wait("modelmonitor", "sign", is_measured, what="to measure a window", timeout=90)
    (verdict,) = watched["status"]["windows"][0]["metrics"]
    assert verdict["reason"] == "NoData"


def is_measured(obj: Manifest) -> bool:
    """Whether a window has come to its end."""
    return bool((obj.get("status") or {}).get("windows"))
