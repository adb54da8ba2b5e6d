# SPDX-License-Identifier: Apache-2.0
"""The nodes of a kind cluster: found, missing, stopped, and their logs."""

from __future__ import annotations

import pytest

from localcluster.engine import ComponentStatus
from localcluster.errors import NodesDeleted
from localcluster.kindhost import nodes

THREE = ["one-control-plane", "one-worker", "one-worker2"]


def test_states_are_read_from_dockers_table() -> None:
    assert nodes.states("one-worker\texited\none-control-plane\trunning\n") == {
        "one-control-plane": "running",
        "one-worker": "exited",
    }
    assert nodes.states("\n") == {}


def test_a_node_that_was_deleted_has_a_line() -> None:
    found = nodes.rows({"one-control-plane": "running", "one-worker": "running"}, THREE)

    assert found[-1] == ComponentStatus("one-worker2", "deleted")
    assert [row.healthy for row in found] == [True, True, False]


def test_nodes_that_do_not_run_are_started() -> None:
    found = {"one-control-plane": "exited", "one-worker": "paused", "one-worker2": "created"}

    assert nodes.commands_to_resume(found, THREE) == [
        ["start", "one-control-plane", "one-worker2"],
        ["unpause", "one-worker"],
    ]
    assert nodes.commands_to_resume(dict.fromkeys(THREE, "running"), THREE) == []


def test_a_deleted_node_beside_others_cannot_be_made_again() -> None:
    with pytest.raises(NodesDeleted, match="one-worker2 was deleted") as problem:
        nodes.commands_to_resume({"one-control-plane": "running", "one-worker": "running"}, THREE)

    assert "`down`, then `up`" in problem.value.remedy


def test_each_node_and_each_unit_in_it_has_a_log() -> None:
    assert nodes.components(THREE[:2]) == [
        *("one-control-plane", "one-control-plane/kubelet", "one-control-plane/containerd"),
        *("one-worker", "one-worker/kubelet", "one-worker/containerd"),
    ]
    assert nodes.log_command("one-worker") == ["logs", "one-worker"]
    assert nodes.log_command("one-worker/kubelet") == [
        *("exec", "one-worker", "journalctl", "--no-pager", "--unit", "kubelet")
    ]
