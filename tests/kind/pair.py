# SPDX-License-Identifier: Apache-2.0
"""A deployment of two servers, and its rollout from one worker to the other under load."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import Client, config_map, is_true, manifest, patch, served, version
from tests.kind.nodes import PATIENT
from tests.kind.store import namespace_with_store

NAME = "pair"
CONTENT = '{"offset": 1}'
LIGHT = {"requests": {"cpu": "20m", "memory": "32Mi"}}
SHORT_STEP = {"steps": [{"weight": 50, "pause": "5s"}], "progressDeadline": "60s"}
"""As short as a step can be: its end comes before the cluster notices that a node is dead, or soon after."""


@contextmanager
def namespace_with_version(platform: Platform, name: str) -> Iterator[Kubectl]:
    """A namespace with a version whose file is on both workers."""
    with namespace_with_store(platform, name, {"model.json": CONTENT.encode()}) as space:
        space.apply(config_map("server", "v2_server.py"))
        space.apply(manifest("Model", "plus"))
        space.apply(version("plus-1", "plus", "model.json", CONTENT))
        yield space


def pair(**spec: Any) -> Manifest:
    """The deployment."""
    return served(NAME, {"name": "plus", "version": "plus-1"}, replicas=2, resources=LIGHT, **spec)


def serving(space: Kubectl, *, ready: int = 2) -> Manifest:
    """The deployment once so many of its servers are ready."""
    return space.wait(
        "modeldeployment",
        NAME,
        lambda obj: is_true(obj, "Ready") and obj["status"].get("readyReplicas") == ready,
        what=f"{ready} servers",
        timeout=PATIENT,
    )


def client_of(space: Kubectl, node: str) -> Client:
    """A client on that node, with its first answers."""
    client = Client(space, f"{NAME}-client", url=f"http://{NAME}/v2/models/plus/infer", node=node)
    client.more(20)
    return client


@dataclass(frozen=True, kw_only=True)
class Move:
    """A rollout that moves the deployment to another worker.

    Attributes:
        before: the deployment before it.
        client: asks the deployment all the time.
    """

    before: Manifest
    client: Client


def moved(space: Kubectl, *, stable: str, candidate: str, client: str, rollout: Manifest = SHORT_STEP) -> Move:
    """Begin a rollout from the node `stable` to the node `candidate`, with a client on the node `client`."""
    space.apply(pair(nodeSelector={"kubernetes.io/hostname": stable}, rollout=rollout))
    before = serving(space)
    asking = client_of(space, client)
    patch(space, "modeldeployment", NAME, {"nodeSelector": {"kubernetes.io/hostname": candidate}})
    return Move(before=before, client=asking)


def in_step(space: Kubectl, number: int) -> Manifest:
    """The deployment once its candidate is in that step, counted from 0."""

    def reached(obj: Manifest) -> bool:
        candidate = obj["status"].get("candidate") or {}
        return candidate.get("phase") == "Stepping" and candidate.get("step", 0) >= number

    return space.wait("modeldeployment", NAME, reached, what=f"step {number}", timeout=PATIENT)


def in_bake(space: Kubectl) -> Manifest:
    """The deployment once its candidate has taken over and the former revision keeps its pods."""
    return space.wait(
        "modeldeployment", NAME, lambda obj: "former" in obj["status"], what="the bake", timeout=2 * PATIENT
    )
