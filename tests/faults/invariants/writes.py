# SPDX-License-Identifier: Apache-2.0
"""How the operator writes: guarded, in its own namespace, and never into what people declare."""

from collections.abc import Iterator
from typing import Final

from mlops_operator.kube.resources import EVENTS, LEASES
from tests.faults.history import History, Write
from tests.faults.invariants.steps import OWN_PLURALS, when

_FREE: Final = (EVENTS.plural, LEASES.plural)
"""Resources whose objects carry no plan: lost or doubled, they harm nobody."""


def check(history: History) -> Iterator[str]:
    """Every patch without preconditions, every write of a spec or status not its own, or elsewhere."""
    seen = {(change.object["metadata"]["uid"], change.version) for change in history.changes}
    namespaces = {change.object["metadata"].get("namespace", "") for change in history.changes}
    for write in history.writes:
        if namespaces and write.namespace not in namespaces:
            yield f"{when(write)}: went to the namespace {write.namespace!r}, not to {sorted(namespaces)}"
        if write.resource in _FREE:
            continue
        yield from _form(write)
        if write.verb == "patch":
            yield from _guard(write, seen, history)


def _guard(write: Write, seen: set[tuple[str, int]], history: History) -> Iterator[str]:
    metadata = write.body.get("metadata") or {}
    uid, version = metadata.get("uid"), metadata.get("resourceVersion")
    if not (uid and version):
        yield f"{when(write)}: expected uid and resourceVersion in its metadata, found {metadata}"
    elif (uid, int(version)) not in seen and not history.in_gap(write.resource, int(version)):
        yield f"{when(write)}: planned for uid {uid} at version {version}, which nobody has seen"


def _form(write: Write) -> Iterator[str]:
    ours = write.resource in OWN_PLURALS
    if write.verb not in ("create", "apply", "patch", "delete"):
        yield f"{when(write)}: expected create, apply, patch or delete"
    if ours and write.verb == "apply":
        yield f"{when(write)}: applied an object of ours, which is not the operator's to declare"
    if ours and write.verb == "patch" and not write.subresource and "spec" in write.body:
        yield f"{when(write)}: wrote the spec of an object of ours, which is the person's"
    if not ours and write.subresource:
        yield f"{when(write)}: wrote {write.subresource} of what is somebody else's to report on"
