# SPDX-License-Identifier: Apache-2.0
"""What the executor has to know of a parent before it touches its children."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mlops_operator.api.meta import Key
from mlops_operator.runtime.cache.store import Store
from mlops_operator.runtime.work import answered
from mlops_operator.runtime.work.answered import LEAST_ANSWERS
from mlops_operator.runtime.work.executor import Executor, Outdated
from mlops_operator.runtime.work.plan import Action, Delete
from tests.harness.gadgets import CONFIG_MAPS, GADGETS
from tests.harness.stub_server import failure, json_answer
from tests.unit.runtime.work.executor_world import APPLY, CREATE, DELETE, PATCH, World, child, gadget

CHANGES: Sequence[Action] = (DELETE, PATCH, APPLY)
NAMES = ("delete", "patch", "apply")


@pytest.mark.parametrize("action", CHANGES, ids=NAMES)
async def test_a_parent_known_by_its_watch_alone_is_looked_at_once_before_its_children_are_changed(
    world: World, action: Action
) -> None:
    world.executor = Executor(world.client, world.cache, instance="just started")
    world.cache.observe(CONFIG_MAPS, child(6))
    world.server.on("GET", json_answer(gadget()))
    for method in ("DELETE", "PATCH"):
        world.server.on(method, json_answer(child(7)))
    await world.do(action)
    await world.do(action)
    change = "DELETE" if isinstance(action, Delete) else "PATCH"
    assert world.server.names()[:2] == ["GET", change]
    assert world.server.names().count("GET") == 1


@pytest.mark.parametrize("now_there", [json_answer(gadget(7, uses="child")), failure(404, "NotFound")])
@pytest.mark.parametrize("action", CHANGES, ids=NAMES)
async def test_no_child_is_changed_whose_parent_is_not_as_it_was_known(
    world: World, action: Action, now_there: Any
) -> None:
    world.executor = Executor(world.client, world.cache, instance="just started")
    world.cache.observe(CONFIG_MAPS, child(6))
    world.server.on("GET", now_there)
    with pytest.raises(Outdated):
        await world.do(action)
    assert world.server.names() == ["GET"]
    assert world.has() == child(6)


async def test_making_a_first_child_takes_no_look_at_the_parent(world: World) -> None:
    world.executor = Executor(world.client, world.cache, instance="just started")
    world.server.on("PATCH", json_answer(child(7)))
    await world.do(APPLY)
    assert world.server.names() == ["PATCH"]


@pytest.mark.parametrize("action", [APPLY, CREATE], ids=["apply", "create"])
async def test_a_parent_known_by_the_first_list_alone_is_looked_at_before_a_child_is_made(
    world: World, action: Action
) -> None:
    world.executor = Executor(world.client, world.cache, instance="just started")
    replacement = world.cache.store(GADGETS).begin_replace()
    replacement.add(gadget(), listed=9)
    replacement.finish(9)
    world.server.on("GET", json_answer(gadget(7, uses="another child")))
    with pytest.raises(Outdated):
        await world.do(action)
    assert world.server.names() == ["GET"]


async def test_the_grounds_of_a_plan_are_looked_at_before_anything_is_done(world: World) -> None:
    ground = child(6, name="ground")
    world.cache.observe(CONFIG_MAPS, ground)
    world.server.on("GET", json_answer({**ground, "metadata": {**ground["metadata"], "resourceVersion": "8"}}))
    world.server.on("POST", json_answer(child(9)))
    with pytest.raises(Outdated):
        await world.do(CREATE, depends_on=((CONFIG_MAPS, ground),))
    assert world.server.names() == ["GET"]
    now_there = world.cache.get(CONFIG_MAPS, Key("ns", "ground"))
    assert now_there is not None
    await world.do(CREATE, depends_on=((CONFIG_MAPS, now_there),))
    assert world.server.names() == ["GET", "POST"], "an answer is as new as all that was done"


async def test_a_plan_with_grounds_looks_at_its_own_object_as_well(world: World) -> None:
    world.executor = Executor(world.client, world.cache, instance="just started")
    ground = child(6, name="ground")
    world.cache.observe(CONFIG_MAPS, ground)
    world.executor._answered.record(CONFIG_MAPS, Key("ns", "ground"), "6")
    world.server.on("GET", json_answer(gadget(7, uses="another child")))
    world.server.on("POST", json_answer(child(9)))
    with pytest.raises(Outdated):
        await world.do(CREATE, depends_on=((CONFIG_MAPS, ground),))
    assert world.server.names() == ["GET"]
    now_there = world.cache.get(GADGETS, Key("ns", "g"))
    assert now_there is not None
    assert now_there["metadata"]["resourceVersion"] == "7"


async def test_an_own_object_that_was_looked_at_is_not_looked_at_again(world: World) -> None:
    world.executor = Executor(world.client, world.cache, instance="just started")
    ground = child(6, name="ground")
    world.cache.observe(CONFIG_MAPS, ground)
    world.executor._answered.record(CONFIG_MAPS, Key("ns", "ground"), "6")
    world.server.on("GET", json_answer(gadget()))
    world.server.on("POST", json_answer(child(9)))
    for _ in range(2):
        await world.do(CREATE, depends_on=((CONFIG_MAPS, ground),))
    assert world.server.names() == ["GET", "POST", "POST"]


async def test_a_child_that_vanished_is_not_made_again_for_a_parent_that_went_with_it(world: World) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    world.cache.observe_deleted(CONFIG_MAPS, child(8))
    world.server.on("GET", failure(404, "NotFound"))
    with pytest.raises(Outdated):
        await world.do(CREATE)
    assert world.server.names() == ["GET"]
    assert world.cache.get(GADGETS, Key("ns", "g")) is None


async def test_a_child_that_vanished_is_made_again_for_a_parent_that_is_there(world: World) -> None:
    world.cache.observe(CONFIG_MAPS, child(6))
    world.cache.observe_deleted(CONFIG_MAPS, child(8))
    world.server.on("GET", json_answer(gadget()))
    world.server.on("POST", json_answer(child(9, uid="second")))
    await world.do(CREATE)
    assert world.server.names() == ["GET", "POST"]


async def test_versions_of_answers_that_nobody_asks_for_any_more_are_forgotten(world: World) -> None:
    for number in range(3 * LEAST_ANSWERS):
        found = gadget(number + 6)
        found["metadata"]["name"] = f"g{number}"
        world.server.on("GET", json_answer(found))
        await world.executor.reread(GADGETS, Key("ns", f"g{number}"))
        world.cache.observe_gone(GADGETS, Key("ns", f"g{number}"), "gadget-uid")
    assert len(world.executor._answered) <= LEAST_ANSWERS + 1


async def test_versions_that_still_hold_are_rarely_looked_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answered, "LEAST_ANSWERS", 8)
    looks: list[Key] = []
    version = Store.version

    def counted(store: Store, key: Key) -> str | None:
        looks.append(key)
        return version(store, key)

    monkeypatch.setattr(Store, "version", counted)
    executor = Executor(world.client, world.cache, instance="test")
    for number in range(200):
        found = gadget()
        found["metadata"]["name"] = f"g{number}"
        world.cache.observe(GADGETS, found)
        executor._answered.record(GADGETS, Key("ns", f"g{number}"), "5")
    assert len(executor._answered) == 200
    assert len(looks) <= 2 * 200, "two looks for each answer at most"


ABSENT = Key("ns", "absent")


async def test_nothing_follows_from_the_absence_of_what_was_only_not_seen(world: World) -> None:
    world.server.on("GET", json_answer(child(6, name="absent")))
    with pytest.raises(Outdated):
        await world.do(confirm_absent=((CONFIG_MAPS, ABSENT),), status={"phase": "Over"})
    assert world.server.names() == ["GET"]
    assert world.cache.get(CONFIG_MAPS, ABSENT) is not None


async def test_what_follows_from_an_absence_is_done_after_a_look(world: World) -> None:
    world.server.on("GET", failure(404, "NotFound"))
    world.server.on("PATCH", json_answer(gadget(7, phase="Over")))
    await world.do(confirm_absent=((CONFIG_MAPS, ABSENT),), status={"phase": "Over"})
    assert world.server.names() == ["GET", "PATCH"]


MISSED = replace(APPLY, expect_exists=True)


async def test_a_child_that_was_only_not_seen_is_not_applied(world: World) -> None:
    world.server.on("GET", json_answer(child(6)))
    with pytest.raises(Outdated):
        await world.do(MISSED)
    assert world.server.names() == ["GET"]
    assert world.has() == child(6)


@pytest.mark.parametrize(
    "found",
    [failure(404, "NotFound"), json_answer(child(6, owner=None)), json_answer(child(6, labels={}))],
    ids=["none", "other", "without the labels by which it is watched"],
)
async def test_a_missed_child_that_is_not_there_is_applied(world: World, found: Any) -> None:
    world.server.on("GET", found)
    world.server.on("PATCH", json_answer(child(7)))
    await world.do(MISSED)
    assert world.server.names() == ["GET", "PATCH"]
    assert world.has() == child(7)
