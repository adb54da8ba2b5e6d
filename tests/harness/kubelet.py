# SPDX-License-Identifier: Apache-2.0
"""A kubelet that only says what pods do: on the control-plane engine there are no nodes.

It watches pods and writes their status as a kubelet would: started, then finished with the exit
code and the termination message the test chose. Replicas that have each other's names from a
Service end only once it is there. Without a scheduler pods stay unbound, and their deletion is
immediate; bound pods that are deleted are removed here, but those of a node that does not answer.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import ApiError, Conflict, NotFound, StatusError
from mlops_operator.kube.resources import PODS, SERVICES
from mlops_operator.kube.watch import DELETED, watch

USER_AGENT = "fake-kubelet"

POD_ADDRESS = "10.0.0.1"
"""Address of every pod: there is no network behind it, and so nothing that differs between two runs."""


SILENT_NODE = "silent-node"
"""Name of a node that does not answer: nobody ends its pods."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What one pod does.

    Attributes:
        start_after: seconds until its containers run; None: never.
        run_for: seconds until its main container ends; None: never.
        exit_code: of the main container.
        message: the main container's termination message.
        waiting: reason and message of a container that cannot start (with `start_after` None).
        ready: whether it becomes ready while it runs.
        init_messages: termination messages of init containers by their names; all end well before the others start.
    """

    start_after: float | None = 0.0
    run_for: float | None = 0.0
    exit_code: int = 0
    message: str = ""
    waiting: tuple[str, str] | None = None
    ready: bool = True
    init_messages: Mapping[str, str] = field(default_factory=dict)


SUCCEED = Behaviour()
SERVE = Behaviour(run_for=None)


def of_jobs_succeed(pod: Manifest) -> Behaviour:
    """Jobs' pods succeed at once, all others run for ever."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return SUCCEED if any(owner["kind"] == "Job" for owner in owners) else SERVE


class FakeKubelet:
    """Plays the pods of the whole cluster, or of one namespace, while it is entered.

    Args:
        client: its own client, so that its requests are not counted as anybody else's.
        behave: asked once for every pod, when it is first seen; None leaves the pod alone.
        namespace: the only one whose pods it plays.
    """

    def __init__(
        self,
        client: Client,
        behave: Callable[[Manifest], Behaviour | None] = of_jobs_succeed,
        *,
        namespace: str | None = None,
    ) -> None:
        self._client = client
        self._behave = behave
        self._namespace = namespace
        self._players: dict[str, asyncio.Task[None]] = {}
        self._ending: set[str] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._failed = asyncio.Event()
        self.failure: BaseException | None = None

    async def __aenter__(self) -> Self:
        self._watcher = self._start(self._run(), name="fake kubelet")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [task for task in (self._watcher, *self._players.values()) if task is not None]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def failed(self) -> None:
        """Wait until it can no longer play a pod, which it must always.

        Raises:
            BaseException: why.
        """
        await self._failed.wait()
        assert self.failure is not None
        raise self.failure

    def _start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._note)
        return task

    def _note(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error
            self._failed.set()

    async def _run(self) -> None:
        while True:
            try:
                listing = await self._client.list(PODS, namespace=self._namespace)
                for pod in listing.items:
                    self._see(pod)
                version = listing.resource_version
                stream = watch(self._client, PODS, namespace=self._namespace, resource_version=version)
                async with aclosing(stream):
                    async for event in stream:
                        if event.type == DELETED:
                            self._forget(event.object)
                        elif event.type != "BOOKMARK":
                            self._see(event.object)
            except ApiError:
                await asyncio.sleep(0.1)

    def _see(self, pod: Manifest) -> None:
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" in pod["metadata"]:
            if pod["spec"].get("nodeName") not in (None, SILENT_NODE) and uid not in self._ending:
                self._ending.add(uid)
                self._start(self._end(pod), name=f"end of pod {uid}")
        elif uid not in self._players:
            behaviour = self._behave(pod)
            if behaviour is not None:
                self._players[uid] = self._start(self._play(pod, behaviour), name=f"pod {uid}")

    def _forget(self, pod: Manifest) -> None:
        if (player := self._players.pop(pod["metadata"]["uid"], None)) is not None:
            player.cancel()

    async def _end(self, pod: Manifest) -> None:
        """Remove a bound pod that is being deleted: the API server waits for its kubelet."""
        self._forget(pod)
        path = PODS.path(namespace=pod["metadata"]["namespace"], name=pod["metadata"]["name"])
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        with suppress(NotFound, Conflict):
            await self._client.request("DELETE", path, body=body)

    async def _play(self, pod: Manifest, behaviour: Behaviour) -> None:
        if behaviour.waiting is not None:
            reason, message = behaviour.waiting
            state = {"waiting": {"reason": reason, "message": message}}
            await self._report(pod, "Pending", state, behaviour, ready=False)
        if behaviour.start_after is None:
            return
        await asyncio.sleep(behaviour.start_after)
        started = _now()
        if behaviour.run_for is None or behaviour.run_for > 0:
            await self._report(pod, "Running", {"running": {"startedAt": started}}, behaviour, ready=behaviour.ready)
        if behaviour.run_for is None:
            return
        await asyncio.sleep(behaviour.run_for)
        await self._find_peers(pod)
        ended = {
            "exitCode": behaviour.exit_code,
            "reason": "Completed" if behaviour.exit_code == 0 else "Error",
            "startedAt": started,
            "finishedAt": _now(),
        }
        if behaviour.message:
            ended["message"] = behaviour.message
        phase = "Succeeded" if behaviour.exit_code == 0 else "Failed"
        await self._report(pod, phase, {"terminated": ended}, behaviour, ready=False)

    async def _find_peers(self, pod: Manifest) -> None:
        """Wait until a pod that is known by a Service's name can be: its replicas do not get far before."""
        namespace, service = pod["metadata"]["namespace"], pod["spec"].get("subdomain")
        while service:
            try:
                await self._client.get(SERVICES, namespace=namespace, name=service)
            except ApiError:
                await asyncio.sleep(0.2)
            else:
                return

    async def _report(
        self, pod: Manifest, phase: str, state: dict[str, Any], behaviour: Behaviour, *, ready: bool
    ) -> None:
        flag = "True" if ready else "False"
        now = _now()
        status = {
            "phase": phase,
            "startTime": now,
            "conditions": [
                {"type": kind, "status": value, "lastTransitionTime": now}
                for kind, value in (
                    ("PodScheduled", "True"),
                    ("Initialized", "True"),
                    ("ContainersReady", flag),
                    ("Ready", flag),
                )
            ],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": _image_id(container),
                    "ready": ready,
                    "restartCount": 0,
                    "state": state,
                }
                for container in pod["spec"]["containers"]
            ],
        }
        if phase != "Pending" and (inits := pod["spec"].get("initContainers")):
            status["initContainerStatuses"] = [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": _image_id(container),
                    "ready": True,
                    "restartCount": 0,
                    "state": _well(behaviour.init_messages.get(container["name"], "")),
                }
                for container in inits
            ]
        if phase == "Running":
            status["podIP"] = POD_ADDRESS
        metadata = pod["metadata"]
        while True:
            try:
                await self._client.merge_patch(
                    PODS,
                    namespace=metadata["namespace"],
                    name=metadata["name"],
                    subresource="status",
                    body={"metadata": {"uid": metadata["uid"]}, "status": status},
                )
            except (NotFound, Conflict):
                return  # deleted, or deleted and made again, meanwhile
            except ApiError as error:
                if isinstance(error, StatusError) and error.code < 500:
                    raise
                await asyncio.sleep(0.2)  # the API server is away: a kubelet goes on trying
            else:
                return


def _image_id(container: Manifest) -> str:
    """The ID by which this kubelet knows a container's image."""
    return f"sha256:{hashlib.sha256(container['image'].encode()).hexdigest()}"


def _well(message: str) -> Manifest:
    """The state of a container that ended well."""
    now = _now()
    return {
        "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now, "message": message}
    }


async def fall_silent(client: Client, pod: Manifest) -> None:
    """A running pod is on a node that does not answer any more, as the control plane shows it."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    target = {"apiVersion": "v1", "kind": "Node", "name": SILENT_NODE}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
    await client.request("POST", f"{PODS.path(namespace=namespace, name=name)}/binding", body=binding)
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": _now()}
    others = [entry for entry in pod["status"]["conditions"] if entry["type"] != "Ready"]
    status = {"conditions": [*others, unready]}
    await client.merge_patch(PODS, namespace=namespace, name=name, subresource="status", body={"status": status})


async def take_away(client: Client, pod: Manifest) -> None:
    """The cluster takes a pod from a node that does not answer; the pod stays until the node is gone, too."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    found = await client.get(PODS, namespace=namespace, name=name)
    taken = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
    status = {"conditions": [*found["status"]["conditions"], {**taken, "lastTransitionTime": _now()}]}
    await client.merge_patch(PODS, namespace=namespace, name=name, subresource="status", body={"status": status})
    await client.delete(PODS, namespace=namespace, name=name)


async def remove_node(client: Client, pod: Manifest) -> None:
    """The node of a pod that was taken away is deleted: the garbage collector of pods says that this one has ended."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    ended = {"status": {"phase": "Failed"}}
    await client.merge_patch(PODS, namespace=namespace, name=name, subresource="status", body=ended)
    path = PODS.path(namespace=namespace, name=name)
    with suppress(NotFound):
        await client.request("DELETE", path, body={"gracePeriodSeconds": 0})


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
