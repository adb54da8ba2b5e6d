# SPDX-License-Identifier: Apache-2.0
"""A ModelMonitor in a toy cluster, and what it says."""

from typing import Any

from mlops_contract.models.result import Result
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modelmonitor.controller import ModelMonitorController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_MONITORS
from mlops_operator.runtime.work.plan import Plan
from tests.unit.controllers.builders import (
    ToyCluster,
    ToyWorld,
    condition,
    job_ended,
    make,
    succeeded_pod,
)
from tests.unit.controllers.versions import digest_of

CONTROLLER = ModelMonitorController(Settings())
NAME = "live"


def monitor(**spec: Any) -> Manifest:
    fields: Manifest = {
        "target": {"deployment": "digits"},
        "source": {"predictionLog": {"uri": "pvc://data/predictions"}},
        "window": {"size": "60s", "labelDelay": "10s"},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100}],
        **spec,
    }
    return make(MODEL_MONITORS, NAME, spec=fields, status={"observedGeneration": -1})


def deployment(version: str | None = "digits-a") -> Manifest:
    spec: Manifest = {"model": {"name": "digits", "alias": "champion"}}
    status: Manifest = {"observedGeneration": 1}
    if version is not None:
        revision = {"version": version, "digest": digest_of(version), "revision": "r", "deployment": "d"}
        status["stable"] = revision
    return make(MODEL_DEPLOYMENTS, "digits", spec=spec, status=status)


def cluster(*objects: Manifest, **spec: Any) -> ToyCluster:
    return ToyCluster(ToyWorld(monitor(**spec), *(objects or (deployment(),))))


def settle(toy: ToyCluster) -> Plan:
    return toy.settle(CONTROLLER, NAME)


def status(toy: ToyCluster) -> Manifest:
    return dict(toy.get(MODEL_MONITORS, NAME)["status"])


def breached(toy: ToyCluster) -> tuple[str, str]:
    found = condition(toy.get(MODEL_MONITORS, NAME), "Breached")
    return found["status"], found["reason"]


def ready(toy: ToyCluster) -> Manifest:
    return condition(toy.get(MODEL_MONITORS, NAME), "Ready")


def running_job(toy: ToyCluster) -> Manifest:
    return toy.get(JOBS, status(toy)["measuring"]["job"])


def report(toy: ToyCluster, accuracy: float | None = 0.97, *, rows: int = 200, labeled: int | None = None) -> None:
    """The window's Job ends well with these figures."""
    job = running_job(toy)
    end = parse_timestamp(status(toy)["measuring"]["end"])
    result = Result(
        uid=f"uid-of-{NAME}-{int(end.timestamp())}",
        metrics={} if accuracy is None else {"accuracy": accuracy},
        counts={"rows": rows, "labeled": rows if labeled is None else labeled},
    )
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, result.to_message())]
    toy.store(job_ended(job, at=toy.now))


def measure(toy: ToyCluster, *values: float | None, **counts: Any) -> None:
    """One window after the other is measured with these values."""
    for value in values:
        plan = settle(toy)
        assert plan.requeue_after is not None
        toy.now = toy.now.fromtimestamp(toy.now.timestamp() + plan.requeue_after, tz=toy.now.tzinfo)
        settle(toy)
        report(toy, value, **counts)
        settle(toy)
