# SPDX-License-Identifier: Apache-2.0
"""The nodes of a kind cluster: containers, what state they are in, and where their logs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcluster.engine import DELETED, ComponentStatus
from localcluster.errors import NodesDeleted

#: The units of a node whose journals can be read, each as NODE/UNIT.
UNITS = ("kubelet", "containerd")

#: State of a container -> the command of Docker that lets it run again.
_RESUME = {"exited": "start", "created": "start", "paused": "unpause"}
_VERBS = ("start", "unpause")


def listing(cluster: str) -> list[str]:
    """Arguments of docker that list the nodes of a cluster with their states."""
    label = f"label=io.x-k8s.kind.cluster={cluster}"
    return ["ps", "--all", "--filter", label, "--format", "{{.Names}}\t{{.State}}"]


def states(text: str) -> dict[str, str]:
    """Name of a node -> state of its container, from the output of :func:`listing`."""
    return dict(line.split("\t") for line in sorted(text.splitlines()) if line.strip())


def rows(found: Mapping[str, str], recorded: Sequence[str]) -> list[ComponentStatus]:
    """Lines of `status`: every node that is there, and those of the cluster as it was made that are not."""
    gone = [name for name in recorded if name not in found]
    return [
        *(ComponentStatus(name, state) for name, state in found.items()),
        *(ComponentStatus(name, DELETED) for name in gone),
    ]


def commands_to_resume(found: Mapping[str, str], recorded: Sequence[str]) -> list[list[str]]:
    """Arguments of docker that let all nodes run.

    Raises:
        NodesDeleted: a node is missing beside others: kind cannot add one to a cluster.
    """
    if gone := [name for name in recorded if name not in found]:
        raise NodesDeleted(
            f"expected the nodes {', '.join(recorded)}, found {', '.join(found)}: {', '.join(gone)} was deleted",
            remedy="kind cannot add a node to a cluster: run `down`, then `up`",
        )
    by_verb = {verb: [name for name, state in found.items() if _RESUME.get(state) == verb] for verb in _VERBS}
    return [[verb, *names] for verb, names in by_verb.items() if names]


def components(nodes: Sequence[str]) -> list[str]:
    """What has a log: each node, and the units in it."""
    return [component for node in nodes for component in (node, *(f"{node}/{unit}" for unit in UNITS))]


def log_command(component: str) -> list[str]:
    """Arguments of docker that print the log of one of :func:`components`."""
    node, _, unit = component.partition("/")
    if not unit:
        return ["logs", node]
    return ["exec", node, "journalctl", "--no-pager", "--unit", unit]
