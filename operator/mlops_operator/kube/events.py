# SPDX-License-Identifier: Apache-2.0
"""Events for users (events.k8s.io/v1): what `kubectl describe` shows under an object."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import EVENTS
from mlops_operator.kube.timestamps import micro_time

REPORTING_CONTROLLER: Final = "mlops-operator.io/mlops-operator"

_LONGEST_NOTE: Final = 1024
"""Bytes of `note` that the API accepts."""

_LONGEST_REASON: Final = 128
"""Characters of `reason` and of `action` that the API accepts."""

_LONGEST_NAME: Final = 220
"""Characters of the object's name kept in the event's name, which the API limits to 253."""


def event_manifest(
    regarding: Manifest, *, type: str, reason: str, action: str, note: str, instance: str, now: datetime
) -> Manifest:
    """One event about an object.

    Args:
        regarding: the object it is about; a complete manifest with its metadata.
        type: `Normal` or `Warning`.
        reason: CamelCase word for why.
        action: CamelCase word for what was done.
        note: the message; what the API has no room for is cut off.
        instance: which process reports it.
        now: the time of the event.
    """
    metadata = regarding["metadata"]
    namespace = metadata.get("namespace") or "default"
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": f"{metadata['name'][:_LONGEST_NAME]}.{uuid4().hex[:16]}", "namespace": namespace},
        "eventTime": micro_time(now),
        "reportingController": REPORTING_CONTROLLER,
        "reportingInstance": instance[:_LONGEST_REASON],
        "type": type,
        "reason": reason[:_LONGEST_REASON],
        "action": action[:_LONGEST_REASON],
        "note": _cut(note, _LONGEST_NOTE),
        "regarding": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": metadata.get("namespace"),
            "name": metadata["name"],
            "uid": metadata.get("uid"),
            "resourceVersion": metadata.get("resourceVersion"),
        },
    }


async def publish(client: Client, event: Manifest) -> None:
    """Write one event.

    Raises:
        ApiError: it could not be written.
    """
    await client.create(EVENTS, event)


def _cut(text: str, longest: int) -> str:
    """At most `longest` bytes of UTF-8, whole characters only, an ellipsis where something is missing."""
    encoded = text.encode()
    if len(encoded) <= longest:
        return text
    return encoded[: longest - 3].decode("utf-8", "ignore") + "\u2026"
