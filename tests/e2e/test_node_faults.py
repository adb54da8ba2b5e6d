# SPDX-License-Identifier: Apache-2.0
"""What a node does to pods: eviction, no memory, no room, and being gone for a while.

An image that is missing is told and mended in `test_bad_input.py`, by `test_missing_reference_is_told_soon`,
`test_missing_image_mends_itself` and `test_wrong_image_is_mended_by_correcting_the_spec`.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.platform import SYSTEM_NAMESPACE, Platform
from localcluster.kubectl import Kubectl, KubectlError, Manifest
from mlops_operator.controllers.shared.pending import PATIENCE
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from tests.e2e.support import (
    RUNNING,
    STORE,
    Client,
    claim,
    condition,
    config_map,
    evict,
    fetch,
    is_true,
    manifest,
    of,
    patch,
    served,
    training,
    version,
    wait_phase,
    wait_reason,
    wait_true,
    write_files,
)

pytestmark = pytest.mark.timeout(400)

OUTPUT = {"uri": f"pvc://{STORE}/out"}

ALONE = """
import fcntl, time
signal.signal(signal.SIGTERM, lambda *_: time.sleep(3) or sys.exit(143))  # as one that saves what it has
lock = Path("/shared/lock").open("a+")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("another pod of this training runs")
lock.write("began\\n")
lock.flush()
if ENV["MLOPS_ATTEMPT"] == "0":
    signal.pause()
lock.seek(0)
report(counts={"runs": len(lock.read().splitlines())})
"""
"""The first attempt runs until it is ended, the next reports how many pods have run; no two may at once."""

SHARED: Manifest = {
    "volumes": [{"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}}],
    "containers": [{"name": "main", "volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}],
}
"""What a pod template adds for a claim that all attempts see: of the artifact store each sees its own folder alone."""

SLOT = "example.test/accelerator"
"""Something a node has one of."""

NOT_COUNTED = "node.kubernetes.io/exclude-disruption"
"""Label of a node that is not asked when the control plane finds out how much of the cluster is gone."""

NODE_LOST = 150.0
"""Seconds in which the control plane finds a silent node out (it allows one 50 s) and takes a pod from it."""


# -- evicted -------------------------------------------------------------------------------------


def test_evicted_training_is_tried_again_and_counts_as_no_failure(space: Kubectl) -> None:
    space.apply(claim("shared"))
    space.apply(training("moved", ALONE, backoffLimit=0, template={"spec": SHARED}))
    running = wait_phase(space, "trainingjob", "moved", "Running")
    node = node_name(space)
    evict(space, only_pod(space, running))
    done = wait_true(space, "trainingjob", "moved", "Complete")
    assert outcomes(done) == [("Disrupted", "Evicted"), ("Succeeded", "")]
    assert f"was evicted from node {node}, as a drain of the node does" in done["status"]["attempts"][0]["message"]
    assert (done["status"]["disruptions"], done["status"].get("failures", 0)) == (1, 0)
    assert done["status"]["counts"] == {"runs": 2}


def test_program_that_ends_well_when_it_is_evicted_has_not_succeeded(space: Kubectl) -> None:
    body = "import time\nsignal.signal(signal.SIGTERM, lambda *_: time.sleep(3) or sys.exit(0))\nsignal.pause()\n"
    space.apply(training("stopped", body, disruptionLimit=1))
    for attempt in range(2):
        evict(space, live_pod(space, wait_attempt(space, "stopped", attempt)))
    failed = wait_true(space, "trainingjob", "stopped", "Failed")
    assert condition(failed, "Failed")["reason"] == "DisruptionLimitExceeded"
    assert outcomes(failed) == [("Disrupted", "Evicted")] * 2


def test_all_ranks_stop_when_one_is_evicted_and_the_result_of_one_that_has_ended_stays(space: Kubectl) -> None:
    body = """
import time
if ENV["MLOPS_REPLICA_INDEX"] == "0":
    report(metrics={"accuracy": 0.5})
elif ENV["MLOPS_ATTEMPT"] == "0":
    signal.signal(signal.SIGTERM, lambda *_: time.sleep(3) or sys.exit(143))  # as one that saves what it has
    signal.pause()
else:
    time.sleep(8)
"""
    space.apply(training("gang", body, replicas=2))
    kept = space.wait(
        "trainingjob",
        "gang",
        lambda obj: obj.get("status", {}).get("finishedRanks", {}).get("indexes") == "0",
        what="to keep the result of rank 0",
    )
    evict(space, live_pod(space, kept))
    again = space.wait(
        "trainingjob",
        "gang",
        lambda obj: obj["status"].get("attempt") == 1 and "finishedRanks" in obj["status"],
        what="to run rank 0 again",
    )
    pods = [pod["metadata"] for pod in space.list("pod", of(again))]
    second = {LABEL_ATTEMPT: "1", "batch.kubernetes.io/job-completion-index": "0"}
    (rank_0,) = [pod["name"] for pod in pods if second.items() <= pod["labels"].items()]
    space.run("delete", "pod", rank_0)
    done = wait_true(space, "trainingjob", "gang", "Complete")
    assert outcomes(done) == [("Disrupted", "Evicted"), ("Succeeded", "")]
    assert done["status"]["metrics"] == {"accuracy": 0.5}


def test_evicted_server_costs_no_request_and_the_budget_keeps_the_other(space: Kubectl) -> None:
    content = '{"offset": 1}'
    write_files(space, {"model.json": content})
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    space.apply(version("plus-1", "plus", "model.json", content))
    light = {"requests": {"cpu": "20m", "memory": "32Mi"}}
    space.apply(served("pair", {"name": "plus", "version": "plus-1"}, replicas=2, resources=light))
    before = wait_two_servers(space, "pair")
    (budget,) = space.list("poddisruptionbudget", of(before))
    space.wait(
        "poddisruptionbudget",
        budget["metadata"]["name"],
        lambda obj: obj.get("status", {}).get("disruptionsAllowed") == 1,
        what="to count two servers",
    )
    client = Client(space, "pair-client", url="http://pair/v2/models/plus/infer")
    client.more(20)
    first, second = sorted(pod["metadata"]["name"] for pod in space.list("pod", of(before)))

    with no_new_pods(space):
        evict(space, first)
        with pytest.raises(KubectlError, match="disruption budget"):
            evict(space, second)
        counts = client.more(100)
        assert (counts["failed"], counts["errors"]) == (0, [])
        assert is_true(fetch(space, "pod", second), "Ready")
    after = wait_two_servers(space, "pair")
    names = {pod["metadata"]["name"] for pod in space.list("pod", of(after)) if is_true(pod, "Ready")}
    assert second in names
    assert first not in names
    assert after["status"]["stable"]["revision"] == before["status"]["stable"]["revision"]
    counts = client.more(20)
    assert (counts["failed"], counts["errors"]) == (0, [])
    client.stop()


def test_evicted_server_of_a_new_version_in_its_bake_gives_the_requests_back(space: Kubectl) -> None:
    contents = {f"plus-{number}": f'{{"offset": {number}}}' for number in (1, 2)}
    write_files(space, {f"{name}.json": content for name, content in contents.items()})
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    for name, content in contents.items():
        space.apply(version(name, "plus", f"{name}.json", content))
    light = {"requests": {"cpu": "20m", "memory": "32Mi"}}
    rollout = {"steps": [], "bake": "5m"}
    space.apply(served("baked", {"name": "plus", "version": "plus-1"}, replicas=2, resources=light, rollout=rollout))
    wait_two_servers(space, "baked")
    client = Client(space, "baked-client", url="http://baked/v2/models/plus/infer")
    client.more(20)
    patch(space, "modeldeployment", "baked", {"model": {"version": "plus-2"}})
    new = wait_serving(space, "baked", "plus-2", timeout=120)
    assert new["status"]["former"]["version"] == "plus-1"
    assert len(space.list("deployment", of(new))) == 2
    revision = f"{of(new)},mlops-operator.io/revision={new['status']['stable']['revision']}"
    first, _ = sorted(pod["metadata"]["name"] for pod in space.list("pod", revision))

    with no_new_pods(space):
        evict(space, first)
        back = wait_reason(space, "modeldeployment", "baked", "CandidateStopped")
    assert (back["status"]["stable"]["version"], back["status"]["readyReplicas"]) == ("plus-1", 2)
    assert condition(back)["status"] == "True"
    stopped = back["status"]["stopped"]
    assert (stopped["version"], stopped["reason"]) == ("plus-2", "CandidateUnavailable")
    counts = client.more(20)
    assert (counts["failed"], counts["errors"]) == (0, [])
    client.stop()

    again = wait_serving(space, "baked", "plus-2", timeout=150)
    assert "stopped" not in again["status"]
    assert again["status"]["former"]["retries"] == 1


# -- no memory, no room --------------------------------------------------------------------------


def test_training_that_needs_more_memory_than_its_limit_ends_as_out_of_memory(space: Kubectl) -> None:
    resources = {"requests": {"memory": "16Mi"}, "limits": {"memory": "64Mi"}}
    space.apply(training("hungry", "hoard = bytearray(b'x' * (256 << 20))\n", resources=resources, backoffLimit=1))
    waiting = wait_reason(space, "trainingjob", "hungry", "BackingOff")
    assert "attempt 0 failed: OOMKilled (exit code 137)" in condition(waiting)["message"]
    failed = wait_true(space, "trainingjob", "hungry", "Failed")
    assert condition(failed, "Failed")["reason"] == "BackoffLimitExceeded"
    assert "2 attempts failed, at most 2 are made" in condition(failed)["message"]
    assert "OOMKilled (exit code 137)" in condition(failed)["message"]
    assert outcomes(failed) == [("Failed", "OOMKilled")] * 2
    assert [entry["exitCode"] for entry in failed["status"]["attempts"]] == [137, 137]


def test_training_without_room_waits_and_runs_when_there_is_some(space: Kubectl) -> None:
    resources = {"limits": {SLOT: "1"}}
    with one_slot(space):
        space.apply(training("holder", "pause_the_first_time()\nreport()\n", output=OUTPUT, resources=resources))
        wait_phase(space, "trainingjob", "holder", "Running")
        space.apply(training("queued", resources=resources))
        told = wait_reason(space, "trainingjob", "queued", "PodPending", timeout=PATIENCE + RUNNING)
        assert f"Insufficient {SLOT}" in condition(told)["message"]
        assert told["status"]["phase"] == "Pending"
        assert condition(told)["status"] == "False"

        patch(space, "trainingjob", "holder", {"suspend": True})
        done = wait_true(space, "trainingjob", "queued", "Complete")
        assert outcomes(done) == [("Succeeded", "")]
        patch(space, "trainingjob", "holder", {"suspend": False})
        wait_true(space, "trainingjob", "holder", "Complete")


# -- gone ----------------------------------------------------------------------------------------


@pytest.mark.native("ends the kubelet as a process of this machine, which it is in a native node alone")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may end the kubelet, which runs as root")
def test_training_on_a_node_that_was_gone_is_tried_again_and_never_runs_twice(
    platform: Platform, space: Kubectl
) -> None:
    """The pod itself runs on all the time, as behind a broken network: a second one beside it would do harm."""
    patience = [
        {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 2}
        for taint in ("not-ready", "unreachable")
    ]
    template = {"spec": {**SHARED, "tolerations": patience}}
    space.apply(claim("shared"))
    # Where all nodes of a cluster fall silent, its controller blames the network and takes pods from none of them. The
    # only node's silence is that, unless the node does not count.
    space.run("label", "node", node_name(space), f"{NOT_COUNTED}=", "--overwrite")
    space.apply(training("lost", ALONE, backoffLimit=0, template=template))
    running = wait_phase(space, "trainingjob", "lost", "Running")
    pod = only_pod(space, running)
    kubelet = platform.cluster.process("kubelet")
    assert kubelet is not None
    os.kill(kubelet.pid, signal.SIGKILL)
    try:
        space.wait(
            "pod",
            pod,
            lambda obj: "deletionTimestamp" in obj["metadata"],
            what="to be taken from the node",
            timeout=NODE_LOST,
        )
        # Nobody knows whether the pod still runs, and it does: there must be no other.
        assert only_pod(space, running) == pod
        gone = fetch(space, "trainingjob", "lost")
        assert condition(gone)["reason"] in ("NodeLost", "Disrupted")
        assert node_name(space) in condition(gone)["message"]
        assert [entry.get("outcome") for entry in gone["status"]["attempts"]] == [None]
    finally:
        platform.cluster.up()
        space.run("label", "node", node_name(space), f"{NOT_COUNTED}-")
        # All pods of the node counted as unready meanwhile; later tests find the operator as it was.
        system = platform.kubectl.in_namespace(SYSTEM_NAMESPACE)
        system.run("wait", "--for=condition=Available", "deployment", "--all", f"--timeout={RUNNING:.0f}s")
    done = wait_true(space, "trainingjob", "lost", "Complete", timeout=120)
    assert outcomes(done) == [("Disrupted", "NodeLost"), ("Succeeded", "")]
    assert done["status"]["counts"] == {"runs": 2}
    assert len(space.list("job", of(done))) == 2


# -- what the tests share ------------------------------------------------------------------------


def outcomes(obj: Manifest) -> list[tuple[str, str]]:
    """Outcome and reason of each attempt."""
    return [(entry["outcome"], entry.get("reason", "")) for entry in obj["status"]["attempts"]]


def wait_attempt(kubectl: Kubectl, name: str, attempt: int) -> Manifest:
    """The TrainingJob when this attempt runs."""

    def runs(obj: Manifest) -> bool:
        status = obj.get("status") or {}
        return (status.get("phase"), status.get("attempt")) == ("Running", attempt)

    return kubectl.wait("trainingjob", name, runs, what=f"to run attempt {attempt}", timeout=RUNNING)


def live_pod(kubectl: Kubectl, obj: Manifest) -> str:
    """The name of an object's only pod that runs and was not told to go."""
    (pod,) = [
        pod
        for pod in kubectl.list("pod", of(obj))
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
    ]
    return str(pod["metadata"]["name"])


def only_pod(kubectl: Kubectl, obj: Manifest) -> str:
    """The name of an object's pod, which must have one."""
    (pod,) = kubectl.list("pod", of(obj))
    return str(pod["metadata"]["name"])


def wait_serving(kubectl: Kubectl, name: str, version: str, *, timeout: float) -> Manifest:
    """The ModelDeployment once that version is its stable one, and ready."""
    return kubectl.wait(
        "modeldeployment",
        name,
        lambda obj: obj["status"]["stable"]["version"] == version and is_true(obj, "Ready"),
        what=f"to serve {version}",
        timeout=timeout,
    )


def wait_two_servers(kubectl: Kubectl, name: str) -> Manifest:
    """The ModelDeployment once it is ready with two servers."""
    return kubectl.wait(
        "modeldeployment",
        name,
        lambda obj: is_true(obj, "Ready") and obj["status"].get("readyReplicas") == 2,
        what="two servers",
        timeout=120,
    )


@contextmanager
def no_new_pods(kubectl: Kubectl) -> Iterator[None]:
    """The node takes no further pod while this is entered."""
    kubectl.run("cordon", node_name(kubectl))
    try:
        yield
    finally:
        kubectl.run("uncordon", node_name(kubectl))


@contextmanager
def one_slot(kubectl: Kubectl) -> Iterator[None]:
    """The node has one of `SLOT` while this is entered."""
    field = f"/status/capacity/{SLOT.replace('/', '~1')}"
    change_node_status(kubectl, {"op": "add", "path": field, "value": "1"})
    node = node_name(kubectl)
    kubectl.wait("node", node, lambda obj: obj["status"]["allocatable"].get(SLOT) == "1", what=f"to offer {SLOT}")
    try:
        yield
    finally:
        change_node_status(kubectl, {"op": "remove", "path": field})


def change_node_status(kubectl: Kubectl, change: Manifest) -> None:
    """Change the node's status by one step of a JSON patch."""
    kubectl.run(
        "patch", "node", node_name(kubectl), "--subresource=status", "--type=json", f"--patch={json.dumps([change])}"
    )


def node_name(kubectl: Kubectl) -> str:
    """The only node's name."""
    (node,) = kubectl.list("node")
    return str(node["metadata"]["name"])
