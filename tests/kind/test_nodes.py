# SPDX-License-Identifier: Apache-2.0
"""Nodes that are drained or die under a training, an evaluation or the operator: the cause is told, nothing doubled."""

import pickle
import time
from collections.abc import Iterator
from typing import Any

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    WORKLOAD_IMAGE,
    condition,
    digest,
    manifest,
    new_namespace,
    of,
    reason,
    wait_reason,
    wait_true,
)
from tests.kind.nodes import (
    APART,
    PATIENT,
    drained,
    killed,
    labeled,
    leader,
    operators_and_other,
    out_of_service,
    workers,
)
from tests.kind.store import namespace_with_store

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

WORKS_ON = """
import os, signal, time

def save(*_):
    time.sleep(3)
    raise SystemExit(1)

signal.signal(signal.SIGTERM, save)
time.sleep(3600 if os.environ["MLOPS_ATTEMPT"] == "0" else 5)
"""
"""The first attempt runs until it is ended, which takes 3 s: of a pod that is gone at once only its Job tells."""


@pytest.fixture
def space(platform: Platform, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """A namespace of the test's own."""
    with new_namespace(platform.kubectl, request.node.name.removeprefix("test_"), claims=()) as namespace:
        yield namespace


def training(name: str, program: str, **spec: Any) -> Manifest:
    command = ["python3", "-c", program]
    return manifest("TrainingJob", name, image=WORKLOAD_IMAGE, command=command, backoffLimit=0, **spec)


def outcomes(obj: Manifest) -> list[str]:
    return [entry.get("outcome", "") for entry in obj["status"]["attempts"]]


def running(space: Kubectl, name: str) -> Manifest:
    return wait_reason(space, "trainingjob", name, "Running", timeout=PATIENT)


def node_of_rank(space: Kubectl, obj: Manifest, rank: int) -> str:
    (pod,) = [pod for pod in space.list("pod", of(obj)) if f"-{rank}-" in pod["metadata"]["name"][-8:]]
    return str(pod["spec"]["nodeName"])


def test_a_drained_rank_is_no_failure_and_all_ranks_stop_together(platform: Platform, space: Kubectl) -> None:
    space.apply(training("gang", WORKS_ON, replicas=2, template=APART))
    gang = running(space, "gang")
    _, node = operators_and_other(platform)  # an operator that is evicted as well cannot read why the pod was
    assert node in {node_of_rank(space, gang, rank) for rank in range(2)}
    began = time.monotonic()
    with drained(platform.kubectl, node):
        space.wait(
            "trainingjob",
            "gang",
            lambda obj: obj["status"].get("attempt") == 1 and reason(obj) == "Running",
            what="to run again",
            timeout=PATIENT,
        )
        print(f"from the drain to the next attempt with all ranks: {time.monotonic() - began:.0f} s")
        done = wait_true(space, "trainingjob", "gang", "Complete", timeout=PATIENT)
    assert outcomes(done) == ["Disrupted", "Succeeded"]
    assert f"was evicted from node {node}" in done["status"]["attempts"][0]["message"]


def test_a_rank_on_a_dead_node_is_told_and_nothing_runs_beside_it(platform: Platform, space: Kubectl) -> None:
    space.apply(training("gang", WORKS_ON, replicas=2, template=APART))
    nodes = [node_of_rank(space, running(space, "gang"), rank) for rank in range(2)]
    rank, node = next((rank, node) for rank, node in enumerate(nodes) if node != leader(platform)["spec"]["nodeName"])
    began = time.monotonic()
    with killed(platform, node):
        told = wait_reason(space, "trainingjob", "gang", "NodeLost", timeout=PATIENT)
        print(f"from the node's end to its cause in the status: {time.monotonic() - began:.0f} s")
        assert f"node {node} of rank {rank}" in condition(told)["message"]
        late = space.wait(
            "trainingjob",
            "gang",
            lambda obj: "node.kubernetes.io/out-of-service" in condition(obj).get("message", ""),
            what="to say what to do",
            timeout=PATIENT,
        )
        assert len(space.list("job", of(late))) == 1
        with out_of_service(platform.kubectl, node):
            done = wait_true(space, "trainingjob", "gang", "Complete", timeout=PATIENT)
    assert outcomes(done) == ["Disrupted", "Succeeded"]
    assert done["status"]["attempts"][0]["reason"] == "NodeLost"


def test_the_operator_leaves_a_dead_node(platform: Platform, space: Kubectl) -> None:
    began = time.monotonic()
    with killed(platform, leader(platform)["spec"]["nodeName"]):
        space.apply(training("one", "pass"))
        done = wait_true(space, "trainingjob", "one", "Complete", timeout=PATIENT)
        print(f"from the node's end to a training by another operator: {time.monotonic() - began:.0f} s")
    assert outcomes(done) == ["Succeeded"]


class SlowModel:
    """Unpickles, after a while, to a model that answers 0."""

    def __reduce__(self) -> tuple[Any, ...]:
        program = (
            "import time; time.sleep(15)\n"
            "class Zeros:\n"
            "    def predict(self, inputs): return [0] * len(inputs)\n"
            "model = Zeros()"
        )
        return (eval, (f"(lambda names: (exec({program!r}, names), names['model'])[1])({{}})",))


MODEL = pickle.dumps(SlowModel())
ROWS = "x,y\n" + "".join(f"{number},0\n" for number in range(300))


def test_an_evaluation_on_a_dead_node_is_told_and_measured_on_another(platform: Platform) -> None:
    staying = str(leader(platform)["spec"]["nodeName"])
    failing = next(name for name in workers(platform) if name != staying)
    files = {"model.pkl": MODEL, "holdout.csv": ROWS.encode()}
    with namespace_with_store(platform, "evaluation", files) as space, labeled(platform.kubectl, failing, "test=eval"):
        space.apply(manifest("Model", "zeros"))
        artifact = {"uri": f"pvc://{STORE}/model.pkl", "digest": digest(MODEL), "format": "sklearn"}
        space.apply(manifest("ModelVersion", "zeros-1", model="zeros", artifact=artifact))
        wait_true(space, "modelversion", "zeros-1", timeout=PATIENT)
        data = [{"name": "holdout", "uri": f"pvc://{STORE}/holdout.csv"}]
        rules = [{"name": "accuracy", "min": 0.9}]
        space.apply(
            manifest(
                "Evaluation",
                "slow",
                candidate="zeros-1",
                data=data,
                metrics=rules,
                taskPods={"nodeSelector": {"test": "eval"}},
            )
        )
        wait_reason(space, "evaluation", "slow", "Running", timeout=PATIENT)
        with killed(platform, failing), labeled(platform.kubectl, staying, "test=eval"):
            told = wait_reason(space, "evaluation", "slow", "NodeLost", timeout=PATIENT)
            assert f"node {failing} " in condition(told)["message"]
            with out_of_service(platform.kubectl, failing):
                done = wait_true(space, "evaluation", "slow", timeout=PATIENT)
        assert done["status"]["verdict"] == "Pass"
        (job,) = space.list("job", of(done))
        assert (job["status"].get("failed", 0), job["status"]["succeeded"]) == (0, 1)
