# SPDX-License-Identifier: Apache-2.0
"""The operator deletes only what it planned to delete, and only what belongs to an object of ours."""

from collections.abc import Iterator

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.trainingjob.observed import TERMINAL
from mlops_operator.kube.resources import TRAINING_JOBS
from tests.faults.history import History, Write
from tests.faults.invariants.steps import OWN_PLURALS, controller, parent_resource, status_of, when


def check(history: History) -> Iterator[str]:
    """Every deletion without preconditions, and every one of an object that is not the operator's to delete."""
    states = {(change.object["metadata"]["uid"], change.version): change.object for change in history.changes}
    parents = {
        change.object["metadata"]["uid"]: change.resource.kind
        for change in history.changes
        if change.resource.plural in OWN_PLURALS
    }
    for write in history.writes:
        if write.verb != "delete":
            continue
        preconditions = write.body.get("preconditions") or {}
        uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
        if not (uid and version):
            yield f"{when(write)}: expected preconditions on uid and resourceVersion, found {preconditions}"
            continue
        planned = states.get((uid, int(version)))
        if planned is None:
            if history.in_gap(write.resource, int(version)):
                continue
            yield f"{when(write)}: planned for uid {uid} at version {version}, which nobody has seen"
        elif planned["metadata"]["name"] != write.name:
            yield f"{when(write)}: planned for {planned['metadata']['name']}, sent for {write.name}"
        else:
            yield from _not_ours(write, planned, parents)


def _not_ours(write: Write, planned: Manifest, parents: dict[str, str]) -> Iterator[str]:
    if write.resource in OWN_PLURALS:
        ttl = (planned.get("spec") or {}).get("ttlSecondsAfterFinished")
        over = write.resource == TRAINING_JOBS.plural and status_of(planned).get("phase") in TERMINAL
        if ttl is None or not over:
            yield f"{when(write)}: the operator deletes of its own kinds only finished TrainingJobs with a TTL"
        return
    owner = controller(planned)
    if owner is None or parent_resource(planned) is None:
        yield f"{when(write)}: expected an owner of ours that controls it, found {owner}"
    elif parents.get(owner["uid"]) != owner["kind"]:
        yield f"{when(write)}: its owner {owner['kind']} {owner['name']} ({owner['uid']}) was never there"
