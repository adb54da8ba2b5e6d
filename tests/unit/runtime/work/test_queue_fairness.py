# SPDX-License-Identifier: Apache-2.0
"""No namespace waits for the number of keys in another one."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mlops_operator.api.meta import Key
from mlops_operator.runtime.work.queue import MOST_AHEAD, SHARE, Priority, WorkQueue

OTHER = Key("other", "waits")
FLOOD = 1000


def taken_before(queue: WorkQueue, key: Key, *, keep: bool = True) -> int:
    """Keys taken before `key`; the flood goes on: each key that is taken is added again, in the same hurry."""
    for count in range(10 * FLOOD):
        found = queue.poll()
        assert found is not None
        queue.done(found)
        if found == key:
            return count
        if keep:
            queue.add(found, Priority(int(found.name.rpartition("-")[2])))
    raise AssertionError(f"{key} was never taken")


def flooded(*priorities: Priority, namespaces: int = 1) -> WorkQueue:
    queue = WorkQueue("test-fairness", clock=lambda: 0.0)
    for count in range(FLOOD):
        for priority in priorities:
            queue.add(Key(f"flood-{count % namespaces}", f"{count}-{priority.value}"), priority)
    return queue


@pytest.mark.parametrize("priority", list(Priority))
def test_within_a_priority_one_key_of_each_other_namespace_goes_first(priority: Priority) -> None:
    for namespaces in (1, 2, 5):
        queue = flooded(priority, namespaces=namespaces)
        queue.add(OTHER, priority)
        assert taken_before(queue, OTHER) == namespaces


def test_keys_of_one_namespace_keep_their_order() -> None:
    queue = WorkQueue("test-fairness", clock=lambda: 0.0)
    keys = [Key(namespace, str(count)) for count in range(5) for namespace in ("a", "a", "b")]
    for count, key in enumerate(keys):
        queue.add(key._replace(name=f"{key.name}-{count}"))
    order = []
    while (found := queue.poll()) is not None:
        order.append(found)
        queue.done(found)
    for namespace in "ab":
        numbers = [int(key.name.rpartition("-")[2]) for key in order if key.namespace == namespace]
        assert numbers == sorted(numbers)
    assert [key.namespace for key in order] == ["a", "b"] * 5 + ["a"] * 5


@pytest.mark.parametrize("priority", list(Priority))
def test_the_other_namespace_is_served_within_a_constant_whatever_the_flood_hurries(priority: Priority) -> None:
    queue = flooded(*Priority)
    queue.add(OTHER, priority)
    assert taken_before(queue, OTHER) <= MOST_AHEAD


@given(
    st.lists(st.sampled_from(Priority), min_size=1, max_size=3), st.sampled_from(Priority), st.integers(0, 5 * SHARE)
)
def test_it_is_so_in_every_state_of_the_queue(floods: list[Priority], priority: Priority, before: int) -> None:
    queue = WorkQueue("test-fairness", clock=lambda: 0.0)
    for flood in floods:
        for count in range(2 * SHARE):
            queue.add(Key("flood", f"{count}-{flood.value}"), flood)
    for _ in range(before):
        found = queue.poll()
        assert found is not None
        queue.done(found)
        queue.add(found, Priority(int(found.name.rpartition("-")[2])))
    queue.add(OTHER, priority)
    assert taken_before(queue, OTHER) <= MOST_AHEAD


def test_a_key_that_got_into_a_greater_hurry_costs_its_namespace_no_turn() -> None:
    queue = flooded(Priority.NORMAL)
    hurried = [Key("other", f"{count}") for count in range(2 * MOST_AHEAD)]
    for key in hurried:
        queue.add(key)
        queue.add(key, Priority.COMPLETION)
    for key in hurried:
        assert taken_before(queue, key, keep=False) <= MOST_AHEAD
    queue.add(OTHER)
    assert taken_before(queue, OTHER) <= MOST_AHEAD


def test_namespaces_that_have_no_keys_left_take_no_room() -> None:
    queue = WorkQueue("test-fairness", clock=lambda: 0.0)
    for count in range(100):
        queue.add(Key(f"ns-{count}", "x"))
    while (key := queue.poll()) is not None:
        queue.done(key)
    assert not any(queue._lines.values())
