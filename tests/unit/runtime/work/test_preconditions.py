# SPDX-License-Identifier: Apache-2.0
"""Which objects are read before a plan is carried out, as a table."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import PODS, Resource
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.work.plan import Action, Create, Plan
from mlops_operator.runtime.work.preconditions import Absent, Check, Unchanged, checks
from tests.harness.gadgets import CONFIG_MAPS, GADGETS, GadgetController
from tests.unit.runtime.work.executor_world import APPLY, CREATE, DELETE, OWNER, PATCH, child, gadget

PARENT = Unchanged(GADGETS, Key("ns", "g"), "5")
GROUND = Unchanged(CONFIG_MAPS, Key("ns", "ground"), "6")
MISSING = Absent(CONFIG_MAPS, Key("ns", "child"), owner="gadget-uid")
ELSEWHERE = Key("ns", "elsewhere")

NONE: tuple[Check, ...] = ()


def cache_with(*objects: Manifest, gone: bool = False, listed: bool = False) -> Cache:
    """A cache with the parent and these children; `gone`: the child was deleted; `listed`: by the first LIST."""
    cache = Cache([GadgetController()])
    if listed:
        replacement = cache.store(GADGETS).begin_replace()
        replacement.add(gadget(), listed=9)
        replacement.finish(9)
    else:
        cache.observe(GADGETS, gadget())
    for obj in objects:
        cache.observe(CONFIG_MAPS, obj)
    if gone:
        cache.observe(CONFIG_MAPS, child(6))
        cache.observe_deleted(CONFIG_MAPS, child(8))
    return cache


# Made by each test: a cache remembers deleted objects for two minutes.
_fresh = cache_with
_with_child = partial(cache_with, child(6))
_listed = partial(cache_with, listed=True)
_gone = partial(cache_with, gone=True)


def read(cache: Cache, plan: Plan, *confirmed: Unchanged) -> Sequence[Check]:
    """The checks of a plan, where the versions in `confirmed` are those of the last answers."""
    known = {(check.resource, check.key, check.version) for check in confirmed}
    return checks(GADGETS, gadget(), plan, cache, lambda *about: about in known)


@pytest.mark.parametrize(
    ("cache", "actions", "unconfirmed", "confirmed"),
    [
        (_fresh, (), NONE, NONE),
        (_fresh, (CREATE,), NONE, NONE),
        (_fresh, (APPLY,), NONE, NONE),
        (_with_child, (APPLY,), (PARENT,), NONE),
        (_with_child, (PATCH,), (PARENT,), NONE),
        (_with_child, (DELETE,), (PARENT,), NONE),
        (_listed, (CREATE,), (PARENT,), NONE),
        (_listed, (APPLY,), (PARENT,), NONE),
        (_gone, (CREATE,), (PARENT,), (PARENT,)),
        (_gone, (APPLY,), NONE, NONE),
        (_gone, (DELETE, CREATE), (PARENT,), (PARENT,)),
        (_fresh, (replace(APPLY, expect_exists=True),), (MISSING,), (MISSING,)),
        (_listed, (replace(APPLY, expect_exists=True),), (PARENT, MISSING), (MISSING,)),
    ],
    ids=[
        "nothing to do",
        "a first child is created",
        "a first child is applied",
        "a child is corrected",
        "a child is patched",
        "a child is deleted",
        "a child of a parent from the first list is created",
        "a child of a parent from the first list is applied",
        "a child that was deleted is created again",
        "a child that was deleted is applied again",
        "a deletion beside a child that is created again",
        "a child that the status records is applied",
        "a child that the status records, of a parent from the first list",
    ],
)
def test_reads_of_a_plan(
    cache: Callable[[], Cache], actions: tuple[Action, ...], unconfirmed: Sequence[Check], confirmed: Sequence[Check]
) -> None:
    plan = Plan(actions=actions)
    assert read(cache(), plan) == unconfirmed
    assert read(cache(), plan, PARENT) == confirmed


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [((), (PARENT, GROUND)), ((PARENT,), (GROUND,)), ((GROUND,), (PARENT,)), ((PARENT, GROUND), NONE)],
    ids=["neither", "parent", "ground", "both"],
)
def test_reads_of_what_a_plan_depends_on(confirmed: Sequence[Unchanged], expected: Sequence[Check]) -> None:
    ground = child(6, name="ground")
    assert read(cache_with(ground), Plan(depends_on=((CONFIG_MAPS, ground),)), *confirmed) == expected


def test_an_object_on_which_a_plan_depends_twice_is_read_once() -> None:
    ground = child(6, name="ground")
    plan = Plan(actions=(DELETE,), depends_on=((CONFIG_MAPS, ground), (GADGETS, gadget()), (CONFIG_MAPS, ground)))
    assert read(cache_with(child(6)), plan) == (PARENT, GROUND)


def test_only_what_the_cache_lacks_is_read_to_confirm_its_absence() -> None:
    plan = Plan(confirm_absent=((CONFIG_MAPS, Key("ns", "child")), (CONFIG_MAPS, ELSEWHERE)))
    assert read(cache_with(child(6)), plan) == (Absent(CONFIG_MAPS, ELSEWHERE),)


def test_children_of_a_resource_that_is_not_cached_can_be_created() -> None:
    assert read(cache_with(), Plan(actions=(Create(resource=PODS, manifest=child()),))) == NONE


@pytest.mark.parametrize(
    ("check", "found", "outdated"),
    [
        (PARENT, gadget(), False),
        (PARENT, gadget(6), True),
        (PARENT, None, True),
        (Absent(CONFIG_MAPS, ELSEWHERE), None, False),
        (Absent(CONFIG_MAPS, ELSEWHERE), child(6, labels={}, owner=None), True),
        (MISSING, None, False),
        (MISSING, child(6), True),
        (MISSING, child(6, owner=None), False),
        (MISSING, child(6, owner={**OWNER, "uid": "other"}), False),
        (MISSING, child(6, labels={}), False),
    ],
)
def test_what_a_read_means(check: Check, found: Manifest | None, outdated: bool) -> None:
    assert bool(check.violation(found, cache_with())) == outdated


def test_a_violation_names_the_object() -> None:
    resource: Resource = CONFIG_MAPS
    assert PARENT.violation(None, cache_with()) == f"{GADGETS} ns/g changed after the plan was computed"
    found = Absent(resource, ELSEWHERE).violation(child(6), cache_with())
    assert found == f"{resource} ns/elsewhere exists; the cache was stale"
