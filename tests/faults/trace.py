# SPDX-License-Identifier: Apache-2.0
"""Names the writes and notifications of one run, as an interceptor of its proxy."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mlops_operator.api.meta import Manifest
from tests.faults.history import Namer, Write
from tests.harness.proxy import Call, Drop, Forward, Interceptor, Line, Reply

_VERBS: Final = {"POST": "create", "DELETE": "delete", "PUT": "update"}
_VOLATILE: Final = ("resourceVersion", "managedFields", "uid", "creationTimestamp", "generation", "ownerReferences")


@dataclass(frozen=True)
class Target:
    """What a request is about: plural, object, subresource, namespace, each empty where there is none."""

    resource: str
    name: str
    subresource: str
    namespace: str = ""


def target(call: Call) -> Target:
    """Read a request's path: `/apis/<group>/<version>/namespaces/<ns>/<plural>/<name>/<subresource>` and the like."""
    parts = call.request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource = (*parts, "", "", "")[:3]
    if call.request.method == "POST" and not name:
        name = (call.body.get("metadata") or {}).get("name", "")
    return Target(plural, name, subresource, namespace)


@dataclass(frozen=True)
class Notice:
    """One line of a watch as the operator is told it.

    Attributes:
        resource: plural.
        name: masked.
        type: ADDED, MODIFIED or DELETED.
        facts: every scalar of the object by its path, without what differs from run to run.
    """

    resource: str
    name: str
    type: str
    facts: dict[str, str]


class Trace(Interceptor):
    """Records the operator's writes, and the lines it was told; first of a proxy's interceptors."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.notices: list[Notice] = []
        self.listed: dict[str, float] = {}
        self.watched: set[str] = set()
        self.names = Namer()
        self._counts: Counter[str] = Counter()
        self._writes: dict[Call, Write] = {}

    def write(self, call: Call) -> Write:
        """What `call` is recorded as."""
        return self._writes[call]

    async def request(self, call: Call, forward: Forward) -> Reply:
        if not call.is_write:
            if not call.is_watch:
                return await self._list(call, forward)
            self.watched.add(target(call).resource)
            return await forward()
        found = target(call)
        verb = _VERBS.get(call.request.method, "patch")
        if verb == "patch" and "apply" in call.request.content_type:
            verb = "apply"
        resource = "/".join(filter(None, (found.resource, found.subresource)))
        name = "*" if found.resource == "events" else self.names.name(found.resource, found.name)
        key = f"{verb} {resource} {name}"
        self._counts[key] += 1
        write = Write(
            key=key,
            nth=self._counts[key],
            verb=verb,
            resource=found.resource,
            subresource=found.subresource,
            name=found.name,
            body=call.body,
            at=time.monotonic(),
            namespace=found.namespace,
        )
        self.writes.append(write)
        self._writes[call] = write
        try:
            reply = await forward()
        except Drop:
            write.code = None
            raise
        write.code = reply.status
        return reply

    async def _list(self, call: Call, forward: Forward) -> Reply:
        began = time.monotonic()
        reply = await forward()
        if reply.status == 200 and "fieldSelector" not in call.request.query:
            self.listed[target(call).resource] = began
        return reply

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        if line.is_change:
            self.notices.append(self.notice(call, line))
        return (line.raw,)

    def notice(self, call: Call, line: Line) -> Notice:
        """A watch line by what it says."""
        plural = target(call).resource
        obj = line.object
        return Notice(plural, self.names.name(plural, obj["metadata"]["name"]), line.type, dict(facts(obj)))


def facts(obj: Manifest) -> Iterator[tuple[str, str]]:
    """Path and value of every scalar of an object that is the same in every run."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _VOLATILE}
    if "deletionTimestamp" in metadata:
        metadata["deletionTimestamp"] = "set"
    yield from _leaves({**obj, "metadata": metadata}, "")


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _leaves(entry, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            mark = entry.get("type", number) if isinstance(entry, dict) else number
            yield from _leaves(entry, f"{path}[{mark}]")
    else:
        yield path, str(value)
