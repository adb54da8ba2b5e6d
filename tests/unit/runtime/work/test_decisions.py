# SPDX-License-Identifier: Apache-2.0
"""Each decision is one line at `info`, after it was carried out, with the object that it is about."""

import json
import logging
from typing import Any

import pytest

from mlops_operator.runtime.logs import JsonFormatter, TextFormatter, fields
from mlops_operator.runtime.work.executor import Outdated
from mlops_operator.runtime.work.plan import Event, EventType
from tests.harness.stub_server import failure, json_answer
from tests.unit.runtime.work.executor_world import APPLY, CREATE, DELETE, PATCH, World, child, gadget

SUBJECT = {"kind": "Gadget", "namespace": "ns", "name": "g"}
CHILD = SUBJECT | {"child_kind": "ConfigMap", "child": "child"}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger="mlops_operator.runtime.work.decisions")
    return lambda: [
        {"msg": record.getMessage(), **fields(record)} for record in caplog.records if "decisions" in record.name
    ]


def ready(reason: str, message: str) -> list[dict[str, str]]:
    return [{"type": "Ready", "status": "False", "reason": reason, "message": message}]


def event(reason: str, message: str) -> Event:
    return Event(type=EventType.NORMAL, reason=reason, message=message, action="Work")


async def test_what_was_done_to_a_child_is_logged(world: World, lines: Any) -> None:
    world.server.on("POST", json_answer(child(6), 201))
    world.server.on("PATCH", json_answer(child(7)))
    world.server.on("DELETE", json_answer({"kind": "Status"}))
    await world.do(CREATE)
    await world.do(PATCH)
    await world.do(DELETE)
    assert lines() == [{"msg": f"child {verb}", **CHILD} for verb in ("created", "changed", "deleted")]


async def test_an_apply_is_logged_for_what_it_did(world: World, lines: Any) -> None:
    # The second one changes nothing, so the server leaves the resourceVersion as it is.
    world.server.on("PATCH", json_answer(child(6)), json_answer(child(6)), json_answer(child(7)))
    world.server.on("GET", json_answer(gadget()))
    for _ in range(3):
        await world.do(APPLY)
    assert [line["msg"] for line in lines()] == ["child created", "child changed"]


async def test_a_child_that_was_there_already_is_no_decision(world: World, lines: Any) -> None:
    world.server.on("POST", failure(409, "AlreadyExists"))
    world.server.on("GET", json_answer(child(7)))
    await world.do(CREATE)
    assert lines() == []


async def test_a_phase_is_logged_when_it_changes_and_its_event_is_the_same_line(world: World, lines: Any) -> None:
    status = {"phase": "Running", "conditions": ready("Running", "attempt 0 is running")}
    world.server.on("PATCH", json_answer(gadget(6, **status)))
    world.server.on("POST", json_answer({}, 201))
    events = (event("Started", "attempt 0 is running"), event("AliasMoved", "champion moved to b"))
    await world.do(status=status, events=events)
    phase = {"phase": "Running", "from": None, "reason": "Running", "message": "attempt 0 is running"}
    moved = {"reason": "AliasMoved", "action": "Work", "message": "champion moved to b"}
    assert lines() == [{"msg": "phase changed", **SUBJECT, **phase}, {"msg": "decision", **SUBJECT, **moved}]


async def test_a_decision_without_an_event_is_logged_and_not_published(world: World, lines: Any) -> None:
    await world.do(decisions=(event("WithinLimits", "accuracy: 0.97"),))
    assert [(line["msg"], line["reason"]) for line in lines()] == [("decision", "WithinLimits")]
    assert world.server.bodies == []


async def test_a_status_that_was_not_written_is_not_logged(world: World, lines: Any) -> None:
    world.server.on("PATCH", failure(409, "Conflict"))
    world.server.on("GET", json_answer(gadget(7)))
    with pytest.raises(Outdated):
        await world.do(status={"phase": "Running"}, events=(event("Started", "x"),))
    assert lines() == []


async def test_an_unchanged_world_logs_nothing(world: World, lines: Any) -> None:
    await world.do(status={})
    assert lines() == []


async def test_the_fields_are_keys_of_the_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mlops_operator.runtime.work.decisions")
    await world.do(decisions=(event("Why", "first\nERROR forged name=x"),))
    (record,) = [record for record in caplog.records if "decisions" in record.name]
    line = json.loads(JsonFormatter().format(record))
    assert {key: line[key] for key in ("level", "msg", "kind", "namespace", "name", "reason")} == {
        "level": "info",
        "msg": "decision",
        **SUBJECT,
        "reason": "Why",
    }
    text = TextFormatter().format(record)
    assert len(text.splitlines()) == 1
    assert text.endswith(r'kind=Gadget namespace=ns name=g reason=Why action=Work message="first\nERROR forged name=x"')
