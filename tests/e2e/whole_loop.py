# SPDX-License-Identifier: Apache-2.0
"""The whole loop on real pods, in one namespace: train, evaluate, register, roll out with golden requests, monitor."""

from typing import Final

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import WORKLOAD_IMAGE, fetch, manifest, wait_true

_TRAIN: Final = """
from mlops_workload import run
from sklearn.linear_model import LogisticRegression
import numpy as np
with run() as r:
    x = np.arange(-20.0, 20.0).reshape(-1, 1)
    model = LogisticRegression().fit(x, (x[:, 0] > 0).astype(int))
    r.save_model(model)
    r.golden(x[-3:], model.predict(x[-3:]))
"""
_HOLDOUT: Final = "a,y\n" + "".join(f"{value + 0.5},{int(value >= 0)}\n" for value in range(-50, 50))

FILES: Final = {"holdout.csv": _HOLDOUT, "predictions/log.jsonl": ""}
"""What the store has to hold before."""


def whole_loop(space: Kubectl, *, store: str, task_pods: Manifest, template: Manifest, timeout: float = 240.0) -> str:
    """Run the loop and assert how each object of it ends.

    Args:
        store: the claim with `FILES`.
        task_pods: `taskPods` of every object that has tasks.
        template: of the pods of the training and of the servers.
        timeout: seconds until the model is served.

    Returns:
        The name of the ModelVersion that serves.
    """
    gate = {"taskPods": task_pods, **measured(store)}
    space.apply(manifest("Model", "sign", aliases=[{"name": "champion", "bootstrap": True, "gate": gate}]))
    training = {
        "model": "sign",
        "image": WORKLOAD_IMAGE,
        "command": ["python3", "-c", _TRAIN],
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
        "output": {"uri": f"pvc://{store}"},
        "template": template,
        "taskPods": task_pods,
        "backoffLimit": 0,
    }
    space.apply(manifest("TrainingJob", "sign", **training))
    space.apply(serving("sign", {"name": "sign", "alias": "champion"}, taskPods=task_pods, template=template))
    ready = wait_true(space, "modeldeployment", "sign", "ModelLoaded", timeout=timeout)
    stable = ready["status"]["stable"]
    assert stable["golden"]["passed"] is True
    model = fetch(space, "model", "sign")
    assert [alias["version"] for alias in model["status"]["aliases"]] == [stable["version"]]
    (evaluation,) = space.list("evaluation")
    assert evaluation["status"]["verdict"] == "Pass"
    assert evaluation["status"]["report"]["uri"].startswith(f"pvc://{store}/evaluations/")
    space.apply(monitor("sign", store, taskPods=task_pods))
    watched = space.wait("modelmonitor", "sign", is_measured, what="to measure a window", timeout=timeout)
    (verdict,) = watched["status"]["windows"][0]["metrics"]
    assert verdict["reason"] == "NoData"
    return str(stable["version"])


def measured(store: str) -> Manifest:
    """Data and metrics of an Evaluation or a gate."""
    return {
        "data": [{"name": "holdout", "uri": f"pvc://{store}/holdout.csv"}],
        "metrics": [{"name": "accuracy", "min": 0.6, "minCount": 50}],
    }


def serving(name: str, model: Manifest, **spec: Manifest) -> Manifest:
    """A ModelDeployment of the installation's own server."""
    return manifest("ModelDeployment", name, model=model, **spec)


def monitor(name: str, store: str, **spec: Manifest) -> Manifest:
    """A ModelMonitor of the deployment `sign` with short windows."""
    watched = {
        "target": {"deployment": "sign"},
        "source": {"predictionLog": {"uri": f"pvc://{store}/predictions"}},
        "window": {"size": "5s"},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.6}}],
    }
    return manifest("ModelMonitor", name, **watched, **spec)


def is_measured(obj: Manifest) -> bool:
    """Whether a window has come to its end."""
    return bool((obj.get("status") or {}).get("windows"))
