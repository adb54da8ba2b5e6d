# SPDX-License-Identifier: Apache-2.0
"""The control-plane engine against real programs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.client import Client, wait_for
from tests.e2e.localcluster.kubectl import Kubectl

pytestmark = pytest.mark.native("tests the control-plane engine itself")


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[Cluster]:
    cluster = Cluster("cp-test", "control-plane", audit=True, fsync=False)
    try:
        yield cluster.up()
    finally:
        cluster.down()


def test_the_controllers_work(cluster: Cluster) -> None:
    Kubectl(cluster)("create", "deployment", "web", "--image=localhost/none")

    client = Client(cluster.kubeconfig)
    pods = "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"
    assert wait_for(lambda: len((client.read(pods) or {}).get("items", [])) == 1, seconds=30)

    Kubectl(cluster)("delete", "deployment", "web", "--cascade=background")
    assert wait_for(lambda: (client.read(pods) or {}).get("items") == [], seconds=30)


def test_the_version_is_the_one_that_was_pinned(cluster: Cluster) -> None:
    version = json.loads(Kubectl(cluster)("version", "-o", "json"))

    assert version["serverVersion"]["gitVersion"] == version["clientVersion"]["gitVersion"]


def test_every_request_is_in_the_audit_log_once(cluster: Cluster) -> None:
    Kubectl(cluster)("create", "configmap", "counted-once")

    lines = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    created = [
        line for line in lines if line["verb"] == "create" and line.get("objectRef", {}).get("name") == "counted-once"
    ]
    assert [(line["level"], line["stage"]) for line in created] == [("Metadata", "ResponseComplete")]


def test_up_again_changes_nothing(cluster: Cluster) -> None:
    before = cluster.status()

    cluster.up()

    assert cluster.status() == before


@pytest.mark.parametrize("victim", ["etcd", "apiserver", "controller-manager"])
def test_up_brings_back_what_was_killed_and_keeps_the_data(cluster: Cluster, victim: str) -> None:
    Kubectl(cluster)("create", "configmap", f"before-{victim}")
    killed = cluster.process(victim)
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)
    assert wait_for(lambda: cluster.process(victim) is None, seconds=10)

    cluster.up()

    assert cluster.process(victim) not in (None, killed)
    assert Kubectl(cluster)("get", "configmap", f"before-{victim}", "-o", "name")


def test_a_second_cluster_lives_beside_the_first(cluster: Cluster) -> None:
    with Cluster("cp-other", "control-plane", fsync=False) as other:
        Kubectl(other)("create", "configmap", "only-in-the-other")

        assert "only-in-the-other" not in Kubectl(cluster)("get", "configmaps", "-o", "name")
    assert all(row.healthy for row in cluster.status())


def test_down_leaves_nothing(home: Path) -> None:
    cluster = Cluster("cp-gone", "control-plane", fsync=False).up()
    processes = [row.pid for row in cluster.status()]
    before = set(home.iterdir())

    cluster.down()

    assert set(home.iterdir()) == before - {cluster.folder}
    assert [pid for pid in processes if Path(f"/proc/{pid}").exists()] == []
    assert cluster.status() == []
    cluster.down()  # nothing there: nothing happens
