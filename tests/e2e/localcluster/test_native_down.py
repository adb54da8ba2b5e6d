# SPDX-License-Identifier: Apache-2.0
"""Nothing of a node outlives `down`, whether it was ended orderly or killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.client import wait_for
from localcluster.process import ProcessIdentity, children, is_running

pytestmark = [pytest.mark.usefixtures("as_root"), pytest.mark.native("tests the native engine itself")]

#: Places that container runtimes and kubelets write to when nobody tells them otherwise.
_USUAL_PLACES = [
    *("/run/containerd", "/run/netns", "/run/xtables.lock", "/run/mlops-localcluster", "/opt/containerd", "/opt/cni"),
    *("/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/lib/local-path", "/var/lib/calico"),
    *("/var/log/pods", "/var/log/containers", "/etc/cni", "/etc/kubernetes", "/etc/containerd"),
]


def traces(home: Path) -> dict[str, object]:
    """Everything on the machine that a node could leave something in."""

    def run(*command: str) -> list[str]:
        return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())

    return {
        "mounts": sorted(Path("/proc/mounts").read_text().splitlines()),
        "links": run("ip", "-brief", "link"),
        "addresses": run("ip", "-brief", "address"),
        "routes": run("ip", "route", "show", "table", "all"),
        "cgroups": run("find", "/sys/fs/cgroup", "-type", "d", "-name", "*mlops*"),
        "kubepods": run("find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", "kubepods*"),
        "files": [place for place in _USUAL_PLACES if Path(place).exists()],
        "state": sorted(str(path) for path in home.rglob("*")),
        "sysctls": [Path(f"/proc/sys/{name}").read_text() for name in ("net/ipv4/ip_forward", "vm/overcommit_memory")],
    }


def inhabitants(cluster: Cluster) -> list[ProcessIdentity]:
    """Every process in the node, containers' included: those in its pid namespace or in one below it."""
    node = cluster.process("node")
    assert node is not None
    found = [node]
    for parent in found:
        found.extend(children(parent.pid))
    assert len(found) > 10
    return found


def test_down_leaves_nothing(home: Path) -> None:
    before = traces(home)
    cluster = Cluster("gone", "native", fsync=False).up()
    assert traces(home) != before
    processes = inhabitants(cluster)

    cluster.down()

    assert traces(home) == before
    assert [identity for identity in processes if is_running(identity)] == []
    assert cluster.status() == []


def test_down_after_a_kill_leaves_nothing(home: Path) -> None:
    before = traces(home)
    cluster = Cluster("killed", "native", fsync=False).up()
    processes = inhabitants(cluster)
    os.kill(processes[0].pid, signal.SIGKILL)

    cluster.down()

    assert traces(home) == before
    assert [identity for identity in processes if is_running(identity)] == []


def test_up_takes_over_what_a_vanished_cluster_left_running(home: Path) -> None:
    before = traces(home)
    lost = Cluster("lost", "native", fsync=False).up()
    node = lost.process("node")
    assert node is not None
    # Its folder is swept away while it runs, as of a test run that was killed.
    shutil.rmtree(lost.folder, ignore_errors=True)

    with Cluster("found", "native", fsync=False):
        assert wait_for(lambda: not is_running(node), seconds=1)

    assert traces(home) == before
