# SPDX-License-Identifier: Apache-2.0
"""A NetworkPolicy that is too narrow: what it closes is told within a minute, and goes on when it is open."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest

from demo.platform import Platform
from localcluster.images import base_reference
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    WORKLOAD_IMAGE,
    condition,
    config_map,
    digest,
    golden_requests,
    manifest,
    new_namespace,
    of,
    pod,
    served,
    version,
    wait_true,
    write_files,
)
from tests.kind.nodes import PATIENT

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

CONTENT = '{"offset": 1}'
GOLDEN = golden_requests([(1.0, 2.0)])
TOLD_WITHIN = 60.0
"""Seconds from the start of the container that cannot connect."""

DNS: Manifest = {"ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]}
FTP, DATA = 2121, 2122


def narrow(component: str, *egress: Manifest) -> Manifest:
    """A policy by which tasks of that component reach nothing but what is named."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"narrow-{component}"},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/component": component}},
            "policyTypes": ["Egress"],
            "egress": list(egress),
        },
    }


@pytest.fixture(scope="module")
def space(platform: Platform) -> Iterator[Kubectl]:
    with new_namespace(platform.kubectl, "closed") as space:
        write_files(space, {"model.json": CONTENT, "golden.json": GOLDEN})
        space.apply(config_map("server", "v2_server.py"))
        space.apply(manifest("Model", "plus"))
        yield space


def told(space: Kubectl, kind: str, name: str, *words: str) -> Manifest:
    """The object once the message of its `Ready` condition has all these words."""

    def says(obj: Manifest) -> bool:
        return all(word in condition(obj).get("message", "") for word in words)

    found = space.wait(kind, name, says, what=f"the words {words}", timeout=PATIENT)
    print(condition(found)["message"])
    return found


def seconds_until_told(space: Kubectl, component: str, obj: Manifest, moment: str) -> float:
    """Seconds from the start of the first container of an object's task, which connects at once, to a timestamp."""
    starts = [
        state["startedAt"]
        for found in space.list("pod", f"app.kubernetes.io/component={component},{of(obj)}")
        for entry in found["status"].get("containerStatuses") or ()
        for state in (*entry.get("state", {}).values(), *entry.get("lastState", {}).values())
        if "startedAt" in state
    ]
    seconds = (datetime.fromisoformat(moment) - datetime.fromisoformat(min(starts))).total_seconds()
    print(f"{component}: told after {seconds:.0f} s")
    return seconds


def test_a_closed_dns_and_then_a_closed_service_are_told_and_the_model_is_served_when_they_are_open(
    space: Kubectl,
) -> None:
    space.apply(narrow("golden"))
    checked = version("plus-1", "plus", "model.json", CONTENT)
    checked["spec"]["goldenRequests"] = {"uri": f"pvc://{STORE}/golden.json", "digest": digest(GOLDEN)}
    space.apply(checked)
    space.apply(served("plus", {"name": "plus", "version": "plus-1"}, rollout={"golden": {"maxLatency": "30s"}}))
    obj = told(space, "modeldeployment", "plus", f".{space.namespace}.svc.cluster.local:80: name not resolved")
    assert "NetworkPolicy" in condition(obj)["message"]
    assert seconds_until_told(space, "golden", obj, obj["status"]["waiting"]["since"]) <= TOLD_WITHIN

    space.apply(narrow("golden", DNS))
    obj = told(space, "modeldeployment", "plus", f".{space.namespace}.svc.cluster.local:80: connection timed out")
    assert "NetworkPolicy" in condition(obj)["message"]
    assert obj["status"]["candidate"]["phase"] == "Checking"

    space.run("delete", "networkpolicy", "narrow-golden")
    assert wait_true(space, "modeldeployment", "plus", timeout=PATIENT)["status"]["stable"]["golden"]["passed"]


def test_a_service_that_is_closed_from_the_beginning_is_told_within_a_minute(space: Kubectl) -> None:
    space.apply(narrow("golden", DNS))
    checked = version("plus-2", "plus", "model.json", CONTENT)
    checked["spec"]["goldenRequests"] = {"uri": f"pvc://{STORE}/golden.json", "digest": digest(GOLDEN)}
    space.apply(checked)
    space.apply(served("two", {"name": "plus", "version": "plus-2"}, rollout={"golden": {"maxLatency": "30s"}}))
    obj = told(space, "modeldeployment", "two", f".{space.namespace}.svc.cluster.local:80: connection timed out")
    assert "NetworkPolicy" in condition(obj)["message"]
    assert seconds_until_told(space, "golden", obj, obj["status"]["waiting"]["since"]) <= TOLD_WITHIN

    space.run("delete", "networkpolicy", "narrow-golden")
    assert wait_true(space, "modeldeployment", "two", timeout=PATIENT)["status"]["stable"]["golden"]["passed"]


def store(space: Kubectl) -> None:
    """A store with the model, `store:2121`, on the network."""
    space.apply(config_map("ftp", "ftp_server.py"))
    container = {
        "name": "main",
        "image": base_reference(),
        "command": ["sh", "-c", f"mkdir /tmp/files; printf '%s' '{CONTENT}' > /tmp/files/model.json; exec python3"
                    f" /scripts/ftp_server.py /tmp/files {FTP} {DATA}"],
        "readinessProbe": {"tcpSocket": {"port": FTP}},
        "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}],
    }  # fmt: skip
    made = pod("store", container, [{"name": "scripts", "configMap": {"name": "ftp"}}])
    made["metadata"]["labels"] = {"role": "store"}
    space.apply(made)
    service: Mapping[str, Any] = {"clusterIP": "None", "selector": {"role": "store"}, "ports": [{"port": FTP}]}
    space.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store"}, "spec": service})
    space.run("wait", "--for=condition=Ready", "pod/store", f"--timeout={PATIENT:.0f}s", timeout=PATIENT)


def test_a_closed_store_of_a_training_is_told_and_the_training_succeeds_when_it_is_open(space: Kubectl) -> None:
    store(space)
    space.apply(narrow("training", DNS))
    host = f"store.{space.namespace}.svc"
    uri = f"ftp://{host}:{FTP}/model.json"
    command = [
        "python3",
        "-m",
        "mlops_workload.fetch",
        f"--uri={uri}",
        f"--digest={digest(CONTENT)}",
        "--to=/tmp/model",
    ]
    space.apply(manifest("TrainingJob", "reads", image=WORKLOAD_IMAGE, command=command, backoffLimit=6))
    obj = told(
        space, "trainingjob", "reads", f"ConnectionFailed (exit code 15): {uri}: {host}:{FTP}: connection timed out"
    )
    assert "NetworkPolicy" in condition(obj)["message"]
    assert seconds_until_told(space, "training", obj, obj["status"]["attempts"][0]["completionTime"]) <= TOLD_WITHIN

    space.run("delete", "networkpolicy", "narrow-training")
    wait_true(space, "trainingjob", "reads", timeout=PATIENT)
