"""Nodes that are drained or die, upgrades and a control plane that stands still: nothing lost, nothing doubled."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    WORKLOAD_IMAGE,
    condition,
    manifest,
    new_namespace,
    of,
    promptly,
    reason,
    wait_reason,
    wait_true,
)
from tests.kind.nodes import PATIENT, docker, drained, killed, leader, out_of_service

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

LOAD = 40
"""Trainings that are at work while something happens to the cluster."""

FROZEN = 45.0
"""Seconds for which the control plane stands still: longer than the leader may go without renewing its lease."""

WORKS_ON = """
import os, signal, time

def save(*_):
    time.sleep(3)
    raise SystemExit(1)

signal.signal(signal.SIGTERM, save)
time.sleep(3600 if os.environ["MLOPS_ATTEMPT"] == "0" else 5)
"""
"""The first attempt runs until it is ended, which takes 3 s: of a pod that is gone at once only its Job tells."""

APART: Manifest = {
    "metadata": {"labels": {"test": "gang"}},
    "spec": {
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 100,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"test": "gang"}},
                        },
                    }
                ]
            }
        }
    },
}
"""A pod template that puts the ranks on different nodes where there are two."""


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
    node = node_of_rank(space, running(space, "gang"), 1)
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


def begin_load(space: Kubectl) -> None:
    for count in range(LOAD):
        space.apply(training(f"t{count:02}", "import time; time.sleep(2)"))


def nothing_lost_or_doubled(space: Kubectl) -> None:
    def phases() -> Counter[str]:
        return Counter((obj.get("status") or {}).get("phase", "") for obj in space.list("trainingjob"))

    promptly(phases, lambda found: found == Counter({"Succeeded": LOAD}), within=2 * PATIENT)
    assert len(space.list("job")) == LOAD
    assert {json.dumps(outcomes(obj)) for obj in space.list("trainingjob")} == {'["Succeeded"]'}
    assert len(space.list("pod")) == LOAD


def test_two_upgrades_under_load_lose_nothing(platform: Platform, space: Kubectl) -> None:
    begin_load(space)
    for count in range(2):
        options = ("--reuse-values", f"--set-string=podAnnotations.upgrade=u{count}", "--wait", "--timeout=3m")
        platform.install("mlops-operator", *options)
    nothing_lost_or_doubled(space)


def test_a_control_plane_that_stands_still_under_load_loses_nothing(platform: Platform, space: Kubectl) -> None:
    begin_load(space)
    docker(platform, "pause", f"{platform.cluster.name}-control-plane")
    try:
        time.sleep(FROZEN)  # what is tested is that nothing answers for so long
    finally:
        docker(platform, "unpause", f"{platform.cluster.name}-control-plane")
    nothing_lost_or_doubled(space)
