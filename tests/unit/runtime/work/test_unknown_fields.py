# SPDX-License-Identifier: Apache-2.0
"""Unknown fields, as the API server reports them."""

from typing import Any

import pytest

from mlops_operator.runtime.work.answers import Rejected
from mlops_operator.runtime.work.unknown_fields import unknown_fields
from tests.harness.stub_server import failure
from tests.unit.runtime.work.executor_world import APPLY, CREATE, World

STRICT = 'Job in version "v1" cannot be handled as a Job: strict decoding error: '
TYPED = "failed to create typed patch object (ns/a; apps/v1, Kind=Deployment): "


def job(**pod: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": pod}}}


def test_a_create_reports_every_field() -> None:
    message = STRICT + 'unknown field "spec.template.spec.b", unknown field "spec.template.spec.a"'
    assert unknown_fields(message, job(a=1, b=2)) == ["spec.template.spec.a", "spec.template.spec.b"]


def test_items_of_lists_are_reported_by_name() -> None:
    found = job(initContainers=[{"name": "ours"}, {"name": "theirs", "resorces": {}}])
    message = STRICT + 'unknown field "spec.template.spec.initContainers[1].resorces"'
    assert unknown_fields(message, found) == ['spec.template.spec.initContainers[name="theirs"].resorces']


@pytest.mark.parametrize("items", [[{"key": "a"}], [], "no list", None])
def test_items_without_a_name_keep_their_position(items: Any) -> None:
    message = STRICT + 'unknown field "spec.template.spec.tolerations[0].efect"'
    assert unknown_fields(message, job(tolerations=items)) == ["spec.template.spec.tolerations[0].efect"]


def test_an_apply_reports_them_by_key_already() -> None:
    path = 'spec.template.spec.containers[name="main"].resorces'
    assert unknown_fields(f"{TYPED}.{path}: field not declared in schema", {}) == [path]
    several = f"{TYPED}errors:\n  .spec.a: field not declared in schema\n  .spec.b: field not declared in schema"
    assert unknown_fields(several, {}) == ["spec.a", "spec.b"]


def test_other_answers_report_none() -> None:
    assert unknown_fields('spec.template.spec.containers[0].image: Required value: "a"', job()) == []


async def test_a_create_is_refused_by_the_name_of_the_field(world: World) -> None:
    world.server.on("POST", failure(400, "BadRequest", STRICT + 'unknown field "dta"'))
    with pytest.raises(Rejected) as caught:
        await world.do(CREATE)
    assert caught.value.rejection.message == "unknown field dta: correct the name, or remove the field"
    assert caught.value.rejection.code == 422
    (request,) = world.server.requests
    assert "fieldValidation=Strict" in str(request)


async def test_an_apply_is_refused_by_the_name_of_the_field(world: World) -> None:
    world.server.on("PATCH", failure(500, "", f"{TYPED}.dta: field not declared in schema"))
    with pytest.raises(Rejected) as caught:
        await world.do(APPLY)
    assert caught.value.rejection.message == "unknown field dta: correct the name, or remove the field"
