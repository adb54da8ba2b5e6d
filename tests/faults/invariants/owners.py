# SPDX-License-Identifier: Apache-2.0
"""Every child has its parent as its controlling owner, and the parent was there first."""

from collections.abc import Iterator
from typing import Final

from mlops_operator.api.meta import LABEL_UID, Manifest
from mlops_operator.kube.resources import EVENTS, LEASES, MODEL_VERSIONS, PODS, TRAINING_JOBS
from tests.faults.history import History
from tests.faults.invariants.steps import OWN_PLURALS, Step, controller, label, parent_resource, steps, when

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "mlops-operator"

_WITHOUT: Final = (EVENTS.plural, LEASES.plural, MODEL_VERSIONS.plural)
"""What the operator makes without an owner: a ModelVersion outlives the training it came from."""


def check(history: History) -> Iterator[str]:
    """Every child without its parent's UID, of a parent that was not there, or that changed its parent."""
    parents: dict[str, tuple[str, str]] = {}
    for step in steps(history):
        metadata, resource = step.object["metadata"], step.change.resource
        if resource.plural in OWN_PLURALS:
            parents.setdefault(step.uid, (resource.kind, metadata["name"]))
        if resource == PODS:
            continue
        if step.before is None and label(step.object, MANAGED_BY) == MANAGER:
            yield from _made(step, parents)
        elif step.before is not None:
            yield from _kept(step, step.before)
    for write in history.writes:
        made = write.verb in ("create", "apply") and write.resource not in _WITHOUT
        if made and parent_resource(write.body) is None:
            yield f"{when(write)}: expected a controlling owner of ours, found {controller(write.body)}"


def _made(step: Step, parents: dict[str, tuple[str, str]]) -> Iterator[str]:
    if step.change.resource == MODEL_VERSIONS:
        trained_by = (step.object["spec"].get("lineage") or {}).get("trainingJob") or {}
        if parents.get(trained_by.get("uid", "")) != (TRAINING_JOBS.kind, trained_by.get("name")):
            yield f"{step}: its lineage names the TrainingJob {trained_by}, which was never there"
        return
    owner = controller(step.object)
    if owner is None or parent_resource(step.object) is None:
        yield f"{step}: expected a controlling owner of ours, found {owner}"
        return
    if parents.get(owner["uid"]) != (owner["kind"], owner["name"]):
        yield f"{step}: its owner {owner['kind']} {owner['name']} ({owner['uid']}) was never there"
    if label(step.object, LABEL_UID) != owner["uid"]:
        yield f"{step}: is labelled as of {label(step.object, LABEL_UID)}, but {owner['uid']} controls it"


def _kept(step: Step, before: Manifest) -> Iterator[str]:
    then, now = controller(before), controller(step.object)
    if parent_resource(before) is not None and now is not None and then is not None and now["uid"] != then["uid"]:
        yield f"{step}: was controlled by {then['uid']} and is now by {now['uid']}"
