# SPDX-License-Identifier: Apache-2.0
"""What the executor makes of every answer to a write."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube import errors
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.answers import NamespaceEnding, Rejected, taken
from mlops_operator.runtime.work.executor import NotLeading, Outdated
from mlops_operator.runtime.work.identity import ANNOTATION_RENDERED, rendered_digest
from mlops_operator.runtime.work.plan import Action, Create, Event, EventType, Plan
from tests.harness.gadgets import CONFIG_MAPS, GADGETS, LABEL
from tests.harness.stub_server import failure, json_answer
from tests.unit.runtime.work.executor_world import APPLY, CREATE, DELETE, NOW, OWNER, PATCH, World, child, gadget

# -- create ------------------------------------------------------------------------------------


async def test_what_was_created_is_in_the_cache_at_once(world: World) -> None:
    world.server.on("POST", json_answer(child(7), 201))
    await world.do(CREATE)
    assert world.has() == child(7)


async def test_what_is_created_or_applied_carries_the_digest_of_what_was_rendered(world: World) -> None:
    world.server.on("POST", json_answer(child(7), 201))
    world.server.on("PATCH", json_answer(child(8)))
    await world.do(CREATE)
    await world.do(APPLY)
    digests = [body["metadata"]["annotations"][ANNOTATION_RENDERED] for body in world.server.bodies]
    assert digests == [rendered_digest(child())] * 2


async def test_already_there_and_ours_is_success(world: World) -> None:
    world.server.on("POST", failure(409, "AlreadyExists"))
    world.server.on("GET", json_answer(child(7)))
    await world.do(CREATE)
    assert world.has() == child(7)


@pytest.mark.parametrize(("owner", "told"), [(None, "None"), ({**OWNER, "uid": "another"}, "another")])
async def test_already_there_and_anothers_is_a_rejection(world: World, owner: Manifest | None, told: str) -> None:
    world.server.on("POST", failure(409, "AlreadyExists"))
    world.server.on("GET", json_answer(child(7, owner=owner)))
    with pytest.raises(Rejected) as caught:
        await world.do(CREATE)
    assert (caught.value.rejection.code, caught.value.rejection.reason) == (409, "NameTaken")
    assert f"its controlling owner is {told}: delete" in caught.value.rejection.message


async def test_already_there_with_other_content_is_told_as_that(world: World) -> None:
    job = JOBS.manifest(name="child", namespace="ns") | {"spec": {"a": 1}}
    job["metadata"] |= {"labels": {LABEL: "g"}, "ownerReferences": [OWNER]}
    assert "its content is not what" in taken(Create(resource=JOBS, manifest=job), {**job, "spec": {"a": 2}})


@pytest.mark.parametrize(
    "now_there", [failure(404, "NotFound"), json_answer(child(7, owner=None, deletionTimestamp="2026-01-01T00:00:00Z"))]
)
async def test_already_there_but_on_its_way_out_is_tried_again(world: World, now_there: Any) -> None:
    world.server.on("POST", failure(409, "AlreadyExists"))
    world.server.on("GET", now_there)
    with pytest.raises(Outdated):
        await world.do(CREATE)


async def test_a_child_that_its_watch_would_not_show_is_never_made(world: World) -> None:
    manifest = child()
    manifest["metadata"]["labels"] = {"other": "x"}
    with pytest.raises(ValueError, match=LABEL):
        await world.do(Create(resource=CONFIG_MAPS, manifest=manifest))
    assert world.server.requests == []


# -- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [CREATE, APPLY, PATCH, DELETE], ids=["create", "apply", "patch", "delete"])
@pytest.mark.parametrize(("code", "reason"), [(400, "BadRequest"), (403, "Forbidden"), (422, "Invalid")])
async def test_a_refusal_for_good_is_a_rejection(world: World, action: Action, code: int, reason: str) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        world.server.on(method, failure(code, reason, "because"))
    with pytest.raises(Rejected) as caught:
        await world.do(action, status={"phase": "Done"})
    assert (caught.value.rejection.code, caught.value.rejection.reason) == (code, reason)
    assert caught.value.rejection.message == "because"
    assert caught.value.rejection.action is action
    assert len(world.server.requests) == 1, "the status was not touched"


@pytest.mark.parametrize("action", [CREATE, APPLY, PATCH, DELETE], ids=["create", "apply", "patch", "delete"])
@pytest.mark.parametrize("code", [500, 503, 504])
async def test_a_fault_of_the_server_is_not_a_rejection(world: World, action: Action, code: int) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        world.server.on(method, failure(code))
    with pytest.raises(errors.ServerError):
        await world.do(action, status={"phase": "Done"})
    assert len(world.server.requests) == 1


async def test_an_apply_of_what_is_no_object_of_its_kind_is_a_rejection_though_the_server_says_500(
    world: World,
) -> None:
    words = "failed to create typed patch object (a/b; v1, Kind=ConfigMap): .data: expected map, got &{1}"
    world.server.on("PATCH", failure(500, "", words))
    with pytest.raises(Rejected) as caught:
        await world.do(APPLY, status={"phase": "Done"})
    assert (caught.value.rejection.code, caught.value.rejection.reason) == (422, "Invalid")
    assert caught.value.rejection.message == words
    assert len(world.server.requests) == 1


async def test_the_first_rejection_ends_the_plan(world: World) -> None:
    world.server.on("POST", failure(422, "Invalid"))
    with pytest.raises(Rejected):
        await world.do(CREATE, DELETE)
    assert world.server.names() == ["POST"]


async def test_an_ending_namespace_is_left_alone(world: World) -> None:
    world.server.on("POST", failure(403, "Forbidden", causes=[{"reason": "NamespaceTerminating"}]))
    with pytest.raises(NamespaceEnding):
        await world.do(CREATE)


async def test_a_namespace_that_is_gone_is_left_alone(world: World) -> None:
    world.server.on("POST", failure(404, "NotFound", kind="namespaces", name="ns"))
    with pytest.raises(NamespaceEnding):
        await world.do(CREATE)


# -- conflicts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [APPLY, PATCH], ids=["apply", "patch"])
async def test_a_conflict_reads_again_and_plans_again(world: World, action: Action) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    world.server.on("PATCH", failure(409, "Conflict"))
    world.server.on("GET", json_answer(child(9)))
    with pytest.raises(Outdated):
        await world.do(action)
    assert world.has() == child(9)


async def test_a_patch_is_conditional_on_what_was_planned_for(world: World) -> None:
    world.server.on("PATCH", json_answer(child(7)))
    await world.do(PATCH)
    assert world.server.bodies[0] == {"data": {"a": "b"}, "metadata": {"uid": "child-uid", "resourceVersion": "6"}}


async def test_a_patch_of_what_is_gone_plans_again(world: World) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    world.server.on("PATCH", failure(404, "NotFound"))
    with pytest.raises(Outdated):
        await world.do(PATCH)
    assert world.has() is None


# -- delete ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [json_answer({"kind": "Status", "status": "Success"}), json_answer(child(6)), failure(404, "NotFound")],
    ids=["status", "the object", "gone before"],
)
async def test_what_was_deleted_is_out_of_the_cache_at_once(world: World, answer: Any) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    world.server.on("DELETE", answer)
    await world.do(DELETE)
    assert world.has() is None
    assert world.server.bodies[0]["preconditions"] == {"uid": "child-uid", "resourceVersion": "6"}


async def test_what_is_held_by_a_finalizer_stays(world: World) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    going = child(7, finalizers=["x"], deletionTimestamp="2026-01-01T00:00:00Z")
    world.server.on("DELETE", json_answer(going))
    await world.do(DELETE)
    assert world.has() == going


async def test_deleting_what_was_made_again_under_the_name_is_success(world: World) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    world.server.on("DELETE", failure(409, "Conflict"))
    world.server.on("GET", json_answer(child(9, uid="second")))
    await world.do(DELETE)
    assert world.has() == child(9, uid="second")


async def test_deleting_what_changed_meanwhile_plans_again(world: World) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    world.server.on("DELETE", failure(409, "Conflict"))
    world.server.on("GET", json_answer(child(9)))
    with pytest.raises(Outdated):
        await world.do(DELETE)
    assert world.has() == child(9)


# -- status ------------------------------------------------------------------------------------


async def test_the_status_is_the_smallest_patch_on_the_very_version(world: World) -> None:
    world.cache.observe(GADGETS, gadget(6, phase="Old", old=1, same=2))
    world.server.on("PATCH", json_answer(gadget(7, phase="New", same=2)))
    plan = Plan(status={"phase": "New", "same": 2})
    await world.executor.execute(GADGETS, gadget(6, phase="Old", old=1, same=2), plan, now=NOW)
    assert world.server.requests == [
        ("PATCH", f"{GADGETS.path(namespace='ns', name='g', subresource='status')}?fieldManager=mlops-operator")
    ]
    assert world.server.bodies == [
        {"metadata": {"uid": "gadget-uid", "resourceVersion": "6"}, "status": {"phase": "New", "old": None}}
    ]


@pytest.mark.parametrize("former", [{}, {"phase": "Old"}], ids=["the first", "a later one"])
async def test_a_written_status_is_told_with_the_former_one(world: World, former: Manifest) -> None:
    obj = gadget(5, **former)
    if not former:
        del obj["status"]
    world.server.on("PATCH", json_answer(gadget(6, phase="New")))
    await world.executor.execute(GADGETS, obj, Plan(status={"phase": "New"}), now=NOW)
    assert world.told == [(former, {"phase": "New"})]


async def test_an_equal_status_is_not_written(world: World) -> None:
    await world.executor.execute(GADGETS, gadget(5, a=1), Plan(status={"a": 1}), now=NOW)
    assert world.server.requests == []


async def test_no_status_is_left_alone(world: World) -> None:
    await world.executor.execute(GADGETS, gadget(5, a=1), Plan(), now=NOW)
    assert world.server.requests == []


async def test_a_status_for_a_former_version_is_not_even_tried(world: World) -> None:
    world.cache.observe(GADGETS, gadget(6))
    with pytest.raises(Outdated):
        await world.do(status={"phase": "New"})
    assert world.server.requests == []


async def test_a_conflict_on_the_status_reads_again_and_plans_again(world: World) -> None:
    world.server.on("PATCH", failure(409, "Conflict"))
    world.server.on("GET", json_answer(gadget(9)))
    with pytest.raises(Outdated):
        await world.do(status={"phase": "New"})
    assert world.cache.store(GADGETS).version(Key("ns", "g")) == "9"


async def test_a_status_of_what_is_gone_is_dropped(world: World) -> None:
    world.server.on("PATCH", failure(404, "NotFound"))
    await world.do(status={"phase": "New"})
    assert world.cache.get(GADGETS, Key("ns", "g")) is None


async def test_a_status_the_schema_refuses_is_an_error_not_a_rejection(world: World) -> None:
    world.server.on("PATCH", failure(422, "Invalid"))
    with pytest.raises(errors.Invalid):
        await world.do(status={"phase": "New"})


async def test_a_status_the_server_prunes_is_said_aloud(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.server.on("PATCH", json_answer(gadget(6, phase="New")))
    await world.do(status={"phase": "New", "unknown": 1})
    assert [record.fields for record in caplog.records if record.levelname == "ERROR"] == [["unknown"]]  # type: ignore[attr-defined]


# -- events and leadership ---------------------------------------------------------------------

EVENT = Event(type=EventType.NORMAL, reason="Made", message="it is made", action="Make")


async def test_actions_then_status_then_events(world: World) -> None:
    world.server.on(f"POST {CONFIG_MAPS.path(namespace='ns')}", json_answer(child(7), 201))
    world.server.on("PATCH", json_answer(gadget(8, phase="New")))
    world.server.on("POST", json_answer({}, 201))
    await world.do(CREATE, status={"phase": "New"}, events=(EVENT,))
    assert [path.partition("?")[0].rsplit("/", 1)[-1] for _, path in world.server.requests] == [
        "configmaps",
        "status",
        "events",
    ]


async def test_no_event_tells_of_a_status_that_was_not_written(world: World) -> None:
    world.server.on("PATCH", failure(500))
    with pytest.raises(errors.ServerError):
        await world.do(status={"phase": "New"}, events=(EVENT,))
    assert world.server.names() == ["PATCH"]


async def test_an_event_that_cannot_be_written_fails_nothing(world: World) -> None:
    world.server.on("POST", failure(403, "Forbidden"))
    await world.do(events=(EVENT,))


async def test_an_event_in_an_ending_namespace_is_not_missed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.server.on("POST", failure(403, "Forbidden", causes=[{"reason": "NamespaceTerminating"}]))
    lost = REGISTRY.get_sample_value("mlops_operator_events_lost_total")
    await world.do(events=(EVENT, EVENT))
    assert world.server.names() == ["POST"]
    assert REGISTRY.get_sample_value("mlops_operator_events_lost_total") == lost
    assert caplog.records == []


@pytest.mark.parametrize("action", [CREATE, APPLY, PATCH, DELETE], ids=["create", "apply", "patch", "delete"])
async def test_a_former_leader_writes_nothing(world: World, action: Action) -> None:
    world.may_write = False
    with pytest.raises(NotLeading):
        await world.do(action)
    with pytest.raises(NotLeading):
        await world.do(status={"phase": "New"})
    with pytest.raises(NotLeading):
        await world.do(events=(EVENT,))
    assert world.server.requests == []
