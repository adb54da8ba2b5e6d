# SPDX-License-Identifier: Apache-2.0
"""The log of decisions: one line at `info` for each, when it has been carried out; see docs/operations/logs.md.

A plan that is made again on an unchanged world writes nothing and has no events, so nothing here is logged twice.
"""

import logging
from typing import Final

from mlops_operator.api.conditions import READY, condition_of
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.logs import facts
from mlops_operator.runtime.work.answers import target
from mlops_operator.runtime.work.plan import Action, Plan

CREATED: Final = "created"
CHANGED: Final = "changed"
DELETED: Final = "deleted"

logger = logging.getLogger(__name__)


def acted(resource: Resource, obj: Manifest, action: Action, verb: str) -> None:
    """Log that another object was written for `obj`: a child, or an entry in another object's status."""
    if not logger.isEnabledFor(logging.INFO):
        return
    namespace, name = target(action)
    what = "child" if getattr(action, "subresource", None) is None else "status of another object"
    child = {"child_kind": action.resource.kind, "child": name}
    if namespace != (obj["metadata"].get("namespace") or ""):
        child["child_namespace"] = namespace
    logger.info("%s %s", what, verb, extra=facts(**about(resource, obj), **child))


def concluded(resource: Resource, obj: Manifest, plan: Plan) -> None:
    """Log what is new in the status of a plan: its phase, and the decisions that have events or none.

    Args:
        resource: the kind.
        obj: the object as the plan found it.
        plan: the plan, of which the status is written.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    subject = about(resource, obj)
    said: list[str] = []
    before, after = obj.get("status") or {}, plan.status
    if after is not None and after.get("phase") != before.get("phase"):
        ready = condition_of({"status": after}, READY)
        said.append(ready.get("message", ""))
        fields = {"phase": after.get("phase"), "from": before.get("phase"), "reason": ready.get("reason")}
        logger.info("phase changed", extra=facts(**subject, **fields, message=ready.get("message", "")))
    for event in (*plan.decisions, *plan.events):
        # The message of a condition is that of its event too.
        if not any(event.message in former for former in said):
            said.append(event.message)
            fields = {"reason": event.reason, "action": event.action, "message": event.message}
            logger.info("decision", extra=facts(**subject, **fields))


def about(resource: Resource, obj: Manifest) -> dict[str, str]:
    """The fields that name an object."""
    metadata = obj["metadata"]
    key = Key(metadata.get("namespace", ""), metadata["name"])
    return {"kind": resource.kind, "namespace": key.namespace, "name": key.name}
