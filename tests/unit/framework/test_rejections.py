# SPDX-License-Identifier: Apache-2.0
"""What the API server refuses means the same in every kind."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.api.registry import KINDS
from mlops_operator.controllers import controller_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.framework.rejections import RETRY
from mlops_operator.kube.resources import EVALUATIONS, JOBS, PROMOTIONS, SERVICES, TRAINING_JOBS, Resource
from mlops_operator.runtime.work.plan import Create, Delete, Rejection
from tests.integration.crd_cases.mutations import CASES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = "the server's own words"


class Child(NamedTuple):
    """A child of a kind, and the reason where the API server finds it invalid."""

    resource: Resource
    invalid: str


CHILDREN = {
    "TrainingJob": Child(JOBS, "InvalidPodTemplate"),
    "Model": Child(PROMOTIONS, "Refused"),
    "ModelVersion": Child(JOBS, "InvalidPodTemplate"),
    "Evaluation": Child(JOBS, "InvalidPodTemplate"),
    "Promotion": Child(EVALUATIONS, "EvaluationFailed"),
    "ModelDeployment": Child(SERVICES, "Refused"),
    "ModelMonitor": Child(JOBS, "InvalidPodTemplate"),
    "RetrainPolicy": Child(TRAINING_JOBS, "InvalidPodTemplate"),
}
ANSWERS = {
    (409, "NameTaken"): ("Stalled", "NameTaken", RETRY),
    (403, "Forbidden"): ("Reconciling", "Forbidden", RETRY),
    (404, "NotFound"): ("Reconciling", "Refused", RETRY),
    (405, "MethodNotAllowed"): ("Reconciling", "Refused", RETRY),
    (409, "Conflict"): ("Reconciling", "Refused", RETRY),
    (413, "RequestEntityTooLarge"): ("Stalled", "TooLarge", None),
    (415, "UnsupportedMediaType"): ("Stalled", "Refused", None),
    (422, "TooLarge"): ("Stalled", "TooLarge", None),
    (400, "BadRequest"): ("Stalled", "invalid", None),
    (422, "Invalid"): ("Stalled", "invalid", None),
}
"""Condition, reason and seconds until it is tried again."""


def obj_of(kind: Kind) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": kind.kind,
        "metadata": {"name": "a", "namespace": "ns", "uid": "u", "generation": 1, "resourceVersion": "1"},
        "spec": CASES[kind.plural]["valid"][0],
    }


def conditions(plan_status: Manifest | None) -> dict[str, Manifest]:
    assert plan_status is not None
    return {entry["type"]: entry for entry in plan_status["conditions"]}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer[0]}-{answer[1]}")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_an_answer_has_one_meaning(kind: Kind, answer: tuple[int, str]) -> None:
    child = CHILDREN[kind.kind]
    action = Create(resource=child.resource, manifest=child.resource.manifest(name="a-1", namespace="ns"))
    rejection = Rejection(action=action, code=answer[0], reason=answer[1], message=WORDS)
    plan = controller_of(kind, Settings()).rejected(obj_of(kind), rejection, NOW)
    condition, reason, retry = ANSWERS[answer]
    found = conditions(plan.status)
    assert found[condition]["status"] == "True"
    assert found[condition]["reason"] == (child.invalid if reason == "invalid" else reason)
    assert WORDS in found[condition]["message"]
    assert found["Ready"]["status"] == "False"
    assert {"Stalled": "Reconciling", "Reconciling": "Stalled"}[condition] not in [
        name for name, entry in found.items() if entry["status"] == "True"
    ]
    assert plan.requeue_after == retry


@pytest.mark.parametrize(("kind", "phase"), [("Evaluation", "Failed"), ("Promotion", "Rejected")])
@pytest.mark.parametrize("answer", [key for key, (_, _, retry) in ANSWERS.items() if retry is None])
def test_where_the_spec_cannot_change_it_is_the_end(kind: str, phase: str, answer: tuple[int, str]) -> None:
    (found,) = (entry for entry in KINDS if entry.kind == kind)
    resource = CHILDREN[kind].resource
    action = Create(resource=resource, manifest=resource.manifest(name="a-1", namespace="ns"))
    rejection = Rejection(action=action, code=answer[0], reason=answer[1], message=WORDS)
    plan = controller_of(found, Settings()).rejected(obj_of(found), rejection, NOW)
    assert plan.status is not None
    assert plan.status["phase"] == phase


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_refused_delete_does_not_depend_on_the_spec(kind: Kind) -> None:
    resource = CHILDREN[kind.kind].resource
    action = Delete(resource=resource, namespace="ns", name="a-1", uid="u", resource_version="1")
    rejection = Rejection(action=action, code=422, reason="Invalid", message=WORDS)
    plan = controller_of(kind, Settings()).rejected(obj_of(kind), rejection, NOW)
    assert conditions(plan.status)["Reconciling"]["reason"] == "Refused"
    assert plan.requeue_after == RETRY
