# SPDX-License-Identifier: Apache-2.0
"""TrainingJobs on real pods: what a run is given, how attempts follow each other, what is left at the end."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    condition,
    digest,
    fetch,
    is_true,
    manifest,
    new_namespace,
    of,
    patch,
    training,
    wait_gone,
    wait_phase,
    wait_true,
    write_files,
)

pytestmark = pytest.mark.timeout(300)

FAILS_TWICE = 'sys.exit(7 if int(ENV["MLOPS_ATTEMPT"]) < 2 else 0)\n'

PAUSES_ONCE = "pause_the_first_time()\nreport(counts={'rows': 1})\n"
"""Runs until it is ended; the next pod of the same attempt finishes."""

WAITS = "signal.pause()\n"

OUTPUT = {"uri": f"pvc://{STORE}/out"}


EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(scope="module", autouse=True)
def slow(kubectl: Kubectl) -> Iterator[Kubectl]:
    """What has to wait between its attempts, begun first and looked at by later tests of this file."""
    with new_namespace(kubectl, "slow", claims=()) as namespace:
        namespace.apply(training("fails-twice", FAILS_TWICE, backoffLimit=2))
        namespace.apply(training("fails-always", 'print("no luck"); sys.exit(3)\n', backoffLimit=1))
        yield namespace


def test_first_example_needs_nothing_else(kubectl: Kubectl) -> None:
    with new_namespace(kubectl, "hello", claims=()) as space:
        space.apply(EXAMPLES / "hello.yaml")
        done = wait_true(space, "trainingjob", "hello", "Complete")
    assert done["status"]["metrics"] == {"accuracy": 0.9}


def test_run_is_given_its_parameters_data_and_output(kubectl: Kubectl) -> None:
    program = """
source = path_of(json.loads(ENV["MLOPS_DATA"])[0]["uri"])
try:
    source.with_name("more").touch()
    writable = True
except OSError:
    writable = False
model = save("weights")
report(metrics={"accuracy": 0.75}, counts={"rows": 12}, artifacts=[model])
mine = {name: value for name, value in ENV.items() if name.startswith("MLOPS_")}
print(json.dumps({"env": mine, "read": source.read_text(), "writable": writable, "user": os.getuid()}))
"""
    with new_namespace(kubectl, "given", claims=(STORE, "inputs")) as space:
        write_files(space, {"train/rows.txt": "twelve rows"}, claim_name="inputs")
        space.apply(
            training(
                "run",
                program,
                parameters={"gamma": 0.001, "layers": [8, 4], "kernel": "rbf"},
                data=[{"name": "train", "uri": "pvc://inputs/train/rows.txt"}],
                output=OUTPUT,
                seed=7,
            )
        )
        done = wait_true(space, "trainingjob", "run", "Complete")
        attempt = done["status"]["attempts"][0]
        seen = json.loads(space.logs(f"job/{attempt['job']}"))

    given = seen["env"]
    assert given["MLOPS_PARAM_GAMMA"] == "0.001"
    assert given["MLOPS_PARAM_KERNEL"] == "rbf"
    assert json.loads(given["MLOPS_PARAMETERS"]) == {"gamma": 0.001, "layers": [8, 4], "kernel": "rbf"}
    assert json.loads(given["MLOPS_DATA"]) == [{"name": "train", "uri": "pvc://inputs/train/rows.txt"}]
    assert given["MLOPS_OUTPUT_URI"].startswith("pvc://mlops-artifacts/out/")
    assert (given["MLOPS_SEED"], given["MLOPS_ATTEMPT"], given["MLOPS_REPLICAS"]) == ("7", "0", "1")
    assert "MLOPS_COORDINATOR" not in given
    assert given["MLOPS_RUN_UID"].startswith(done["metadata"]["uid"])
    assert (seen["read"], seen["writable"]) == ("twelve rows", False)
    assert seen["user"] != 0

    status = done["status"]
    assert (status["metrics"], status["counts"]) == ({"accuracy": 0.75}, {"rows": 12})
    assert status["artifacts"][0]["digest"] == digest("weights")
    assert status["artifacts"][0]["uri"] == f"{given['MLOPS_OUTPUT_URI']}/model.json"
    assert (attempt["outcome"], attempt["exitCode"]) == ("Succeeded", 0)
    assert is_true(done, "Ready")
    assert condition(done, "Reconciling")["status"] == condition(done, "Stalled")["status"] == "False"
    assert status["startTime"] <= status["completionTime"]


def test_parameters_reach_a_real_container_as_they_were_written(kubectl: Kubectl) -> None:
    """The kubelet itself expands `$(NAME)` and `$$`; unit tests have only a model of it."""
    written = {
        "variable": "$(MLOPS_RUN_UID)",
        "home": "$(HOME)x",
        "dollars": "$$",
        "escaped": "$$(HOME)",
        "unknown": "$(NONE) $(",
    }
    program = 'print(json.dumps({name: value for name, value in ENV.items() if name.startswith("MLOPS_PARAM")}))\n'
    with new_namespace(kubectl, "literal", claims=()) as space:
        space.apply(training("run", program, parameters=written))
        done = wait_true(space, "trainingjob", "run", "Complete")
        seen = json.loads(space.logs(f"job/{done['status']['attempts'][0]['job']}"))
    assert json.loads(seen["MLOPS_PARAMETERS"]) == written
    assert {name: seen[f"MLOPS_PARAM_{name.upper()}"] for name in written} == written


def test_another_script_in_a_config_map_is_another_input(space: Kubectl) -> None:
    def inputs_of(name: str) -> str:
        volumes = [{"name": "code", "configMap": {"name": "code"}}]
        container = {"name": "main", "volumeMounts": [{"name": "code", "mountPath": "/code"}]}
        template = {"spec": {"volumes": volumes, "containers": [container]}}
        space.apply(training(name, command=["python3", "/code/train.py"], template=template))
        done = wait_true(space, "trainingjob", name, "Complete")
        return str(done["status"]["inputsDigest"])

    code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code"}}
    space.apply({**code, "data": {"train.py": "print(1)"}})
    first, same = inputs_of("first"), inputs_of("same")
    space.apply({**code, "data": {"train.py": "print(2)"}})
    other = inputs_of("other")
    assert first == same != other


def test_replicas_find_each_other_by_name(space: Kubectl) -> None:
    program = """
import socket, time
PORT = 29500
if ENV["MLOPS_REPLICA_INDEX"] == "0":
    with socket.create_server(("", PORT)) as server:
        connection, peer = server.accept()
        print(json.dumps({"heard": connection.recv(99).decode(), "host": socket.gethostname()}))
        connection.sendall(b"hello from 0")
    report(counts={"replicas": int(ENV["MLOPS_REPLICAS"])})
else:
    while True:  # replica 0 may start later: a rendezvous waits
        try:
            with socket.create_connection((ENV["MLOPS_COORDINATOR"], PORT), timeout=5) as connection:
                connection.sendall(b"hello from 1")
                print(json.dumps({"heard": connection.recv(99).decode(), "address": connection.getpeername()[0]}))
            break
        except OSError:
            time.sleep(0.2)
"""
    space.apply(training("pair", program, replicas=2, activeDeadlineSeconds=120))
    done = wait_true(space, "trainingjob", "pair", "Complete", timeout=120)
    assert done["status"]["counts"] == {"replicas": 2}

    (job,) = space.list("job", of(done))
    assert (job["spec"]["completionMode"], job["spec"]["completions"], job["spec"]["parallelism"]) == ("Indexed", 2, 2)
    (service,) = space.list("service", of(done))
    assert service["spec"]["clusterIP"] == "None"
    said = {}
    for pod in space.list("pod", of(done)):
        index = pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]
        said[index] = {**json.loads(space.logs(pod["metadata"]["name"])), "ip": pod["status"]["podIP"]}
    assert (said["0"]["heard"], said["1"]["heard"]) == ("hello from 1", "hello from 0")
    assert said["1"]["address"] == said["0"]["ip"]


def test_suspension_ends_the_pod_and_resumption_finishes_the_same_attempt(space: Kubectl) -> None:
    space.apply(training("paused", PAUSES_ONCE, output=OUTPUT))
    running = wait_phase(space, "trainingjob", "paused", "Running")
    patch(space, "trainingjob", "paused", {"suspend": True})
    suspended = wait_phase(space, "trainingjob", "paused", "Suspended")
    assert "runningSince" not in suspended["status"]
    wait_gone(space, "pod", "-l", of(running))

    patch(space, "trainingjob", "paused", {"suspend": False})
    done = wait_true(space, "trainingjob", "paused", "Complete")
    assert [(entry["index"], entry["outcome"]) for entry in done["status"]["attempts"]] == [(0, "Succeeded")]
    assert done["status"]["attempts"][0]["job"] == running["status"]["attempts"][0]["job"]


def test_deleted_job_is_made_again(space: Kubectl) -> None:
    space.apply(training("robbed", PAUSES_ONCE, output=OUTPUT))
    running = wait_phase(space, "trainingjob", "robbed", "Running")
    (before,) = space.list("job", of(running))
    space.run("delete", "job", before["metadata"]["name"], "--wait=false")
    done = wait_true(space, "trainingjob", "robbed", "Complete")
    (after,) = space.list("job", of(done))
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert done["status"]["counts"] == {"rows": 1}


def test_deadline_ends_the_run(space: Kubectl) -> None:
    space.apply(training("late", WAITS, activeDeadlineSeconds=2, backoffLimit=3))
    failed = wait_true(space, "trainingjob", "late", "Failed")
    assert condition(failed, "Failed")["reason"] == condition(failed, "Stalled")["reason"] == "DeadlineExceeded"
    assert "activeDeadlineSeconds of 2 s" in condition(failed)["message"]
    assert [entry["outcome"] for entry in failed["status"]["attempts"]] == ["Stopped"]
    wait_gone(space, "pod", "-l", of(failed))


def test_deletion_collects_the_children(space: Kubectl) -> None:
    space.apply(training("doomed", WAITS, replicas=2))
    doomed = wait_phase(space, "trainingjob", "doomed", "Running")
    assert len(space.list("service", of(doomed))) == len(space.list("job", of(doomed))) == 1
    space.run("delete", "trainingjob", "doomed")
    for kind in ("job", "service", "pod"):
        wait_gone(space, kind, "-l", of(doomed))


def test_finished_training_goes_after_its_time_and_leaves_its_version(space: Kubectl) -> None:
    space.apply(manifest("Model", "letters"))
    program = 'report(metrics={"accuracy": 0.5}, artifacts=[save("weights")])\n'
    space.apply(training("brief", program, model="letters", ttlSecondsAfterFinished=3))
    done = wait_true(space, "trainingjob", "brief", "Complete")
    wait_gone(space, "trainingjob", "brief")
    for kind in ("job", "pod"):
        wait_gone(space, kind, "-l", of(done))
    version = wait_true(space, "modelversion", done["status"]["modelVersion"])
    assert version["spec"]["artifact"]["digest"] == digest("weights")
    lineage = version["spec"]["lineage"]
    assert lineage["trainingJob"]["uid"] == done["metadata"]["uid"]
    assert (lineage["imageName"], lineage["inputsDigest"]) == (done["spec"]["image"], done["status"]["inputsDigest"])
    assert re.search(r"sha256:[0-9a-f]{64}$", lineage["image"])


def test_attempts_end_at_the_backoff_limit(slow: Kubectl) -> None:
    failed = wait_true(slow, "trainingjob", "fails-always", "Failed", timeout=90)
    assert condition(failed, "Failed")["reason"] == condition(failed, "Stalled")["reason"] == "BackoffLimitExceeded"
    assert condition(failed)["status"] == "False"
    assert "2 attempts failed, at most 2 are made" in condition(failed)["message"]
    assert _outcomes(failed) == [(0, "Failed", 3), (1, "Failed", 3)]


def test_failed_attempts_are_followed_by_others(slow: Kubectl) -> None:
    done = wait_true(slow, "trainingjob", "fails-twice", "Complete", timeout=150)
    assert _outcomes(done) == [(0, "Failed", 7), (1, "Failed", 7), (2, "Succeeded", 0)]
    named = [entry["job"] for entry in done["status"]["attempts"]]
    assert sorted(named) == sorted(job["metadata"]["name"] for job in slow.list("job", of(done)))
    assert len(set(named)) == 3
    assert fetch(slow, "job", named[2])["status"]["succeeded"] == 1


def _outcomes(obj: Manifest) -> list[tuple[int, str, int]]:
    return [(entry["index"], entry["outcome"], entry["exitCode"]) for entry in obj["status"]["attempts"]]
