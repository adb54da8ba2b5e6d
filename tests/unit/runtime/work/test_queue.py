# SPDX-License-Identifier: Apache-2.0
"""The work queue: once per key, one worker per key, nothing lost, nobody starved."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from mlops_operator.api.meta import Key
from mlops_operator.runtime.work.queue import FIRST_RETRY, LONGEST_RETRY, SHARE, Priority, WorkQueue

A, B, C = Key("ns", "a"), Key("ns", "b"), Key("ns", "c")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(jitter: float = 1.0) -> tuple[WorkQueue, Clock]:
    clock = Clock()
    return WorkQueue("test", clock=clock, jitter=lambda: jitter), clock


def drain(queue: WorkQueue) -> list[Key]:
    found = []
    while (key := queue.poll()) is not None:
        found.append(key)
        queue.done(key)
    return found


def test_a_key_is_in_it_once() -> None:
    queue, _ = make()
    for key in (A, B, A, A):
        queue.add(key)
    assert drain(queue) == [A, B]


def test_a_key_in_work_is_not_given_to_a_second_worker() -> None:
    queue, _ = make()
    queue.add(A)
    assert queue.poll() == A
    queue.add(A)
    assert queue.poll() is None


def test_a_key_added_while_in_work_comes_back() -> None:
    queue, _ = make()
    queue.add(A)
    queue.poll()
    queue.add(A)
    queue.add(A)
    queue.done(A)
    assert drain(queue) == [A]


def test_the_greater_hurry_goes_first() -> None:
    queue, _ = make()
    queue.add(A, Priority.LOW)
    queue.add(B)
    queue.add(C, Priority.COMPLETION)
    assert drain(queue) == [C, B, A]


def test_a_key_that_is_in_more_of_a_hurry_now_moves_up() -> None:
    queue, _ = make()
    queue.add(A, Priority.LOW)
    queue.add(B, Priority.LOW)
    queue.add(C)
    queue.add(B)
    assert drain(queue) == [C, B, A]


def test_a_key_that_is_added_again_has_no_second_place() -> None:
    queue, _ = make()
    queue.add(A)
    queue.add(A)
    assert queue.poll() == A
    queue.done(A)
    queue.add(B)
    queue.add(A)
    assert drain(queue) == [B, A]


def test_a_key_keeps_the_greatest_hurry_it_was_in() -> None:
    queue, _ = make()
    queue.add(A, Priority.COMPLETION)
    queue.add(A, Priority.LOW)
    queue.add(B)
    assert drain(queue) == [A, B]


def test_a_key_in_work_comes_back_in_the_greatest_hurry_it_was_added_in_meanwhile() -> None:
    queue, _ = make()
    queue.add(A)
    queue.poll()
    for priority in (Priority.LOW, Priority.COMPLETION, Priority.NORMAL):
        queue.add(A, priority)
    queue.add(B)
    queue.done(A)
    assert drain(queue) == [A, B]


@pytest.mark.parametrize("slow", [Priority.NORMAL, Priority.LOW])
def test_low_priority_keys_are_not_starved(slow: Priority) -> None:
    queue, _ = make()
    queue.add(A, slow)
    for turn in range(10 * SHARE):
        queue.add(Key("busy", str(turn)), Priority.COMPLETION)
        key = queue.poll()
        assert key is not None
        queue.done(key)
        if key == A:
            assert turn == SHARE
            return
        queue.add(Key("busy", f"{turn}b"), Priority.COMPLETION)
    raise AssertionError("the key was never taken")


def turns_until(queue: WorkQueue, key: Key) -> int:
    """Keys in the greatest hurry that are taken before `key`."""
    for turn in range(10 * SHARE):
        queue.add(Key("busy", str(turn)), Priority.COMPLETION)
        found = queue.poll()
        assert found is not None
        queue.done(found)
        if found == key:
            return turn
    raise AssertionError("the key was never taken")


def test_a_key_that_was_passed_over_and_taken_waits_as_long_again() -> None:
    queue, _ = make()
    for _ in range(3):
        queue.add(A, Priority.LOW)
        assert turns_until(queue, A) == SHARE
        queue.poll()  # the one that was added in the last turn


def test_the_next_key_of_a_line_that_had_its_turn_waits_as_long_again() -> None:
    queue, _ = make()
    queue.add(A, Priority.LOW)
    queue.add(B, Priority.LOW)
    assert (turns_until(queue, A), turns_until(queue, B)) == (SHARE, SHARE)


def test_who_was_taken_in_his_turn_has_not_been_passed_over() -> None:
    queue, _ = make()
    for _ in range(5):
        queue.add(B, Priority.LOW)
        assert drain(queue) == [B]
    queue.add(A, Priority.LOW)
    assert turns_until(queue, A) == SHARE


def test_nobody_is_passed_over_while_nobody_waits() -> None:
    queue, _ = make()
    for number in range(2 * SHARE):
        queue.add(Key("busy", f"before-{number}"), Priority.COMPLETION)
    drain(queue)
    queue.add(A, Priority.LOW)
    assert turns_until(queue, A) == SHARE


def test_a_scheduled_requeue_is_due_and_not_before() -> None:
    queue, clock = make()
    queue.schedule(A, 10.0)
    clock.now += 9.9
    assert queue.poll() is None
    clock.now = 110.0
    assert drain(queue) == [A]


def test_a_new_schedule_replaces_the_old_one() -> None:
    queue, clock = make()
    queue.schedule(A, 1.0)
    queue.schedule(A, 10.0)
    clock.now += 5
    assert queue.poll() is None
    clock.now += 6
    assert drain(queue) == [A]
    clock.now += 100
    assert queue.poll() is None


def test_a_scheduled_requeue_can_be_cancelled() -> None:
    queue, clock = make()
    queue.schedule(A, 1.0)
    queue.schedule(A, None)
    clock.now += 2
    assert queue.poll() is None


def test_requeues_that_were_replaced_take_no_room() -> None:
    queue, _ = make()
    for _ in range(1000):
        queue.schedule(A, 3600.0)
    assert len(queue._requeues) < 100


def test_requeues_that_stand_are_not_sorted_again() -> None:
    queue, _ = make()
    before = queue._requeues
    for number in range(1000):
        queue.schedule(Key("ns", str(number)), 3600.0)
    assert queue._requeues is before


def test_failures_double_the_delay_up_to_a_limit() -> None:
    queue, _ = make()
    delays = [queue.retry(A) for _ in range(25)]
    assert delays[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
    assert delays[-1] == LONGEST_RETRY


def test_jitter_takes_up_to_half() -> None:
    queue, _ = make(jitter=0.0)
    assert queue.retry(A) == FIRST_RETRY / 2


def test_the_server_may_ask_for_more_patience() -> None:
    queue, _ = make()
    assert queue.retry(A, at_least=7.0) == 7.0


def test_faults_of_others_are_retried_soon() -> None:
    queue, _ = make()
    assert max(queue.retry(A, at_most=10.0) for _ in range(25)) == 10.0


def test_success_forgets_failures() -> None:
    queue, _ = make()
    for _ in range(10):
        queue.retry(A)
    queue.succeeded(A)
    assert queue.retry(A) == FIRST_RETRY


def test_forgetting_a_key_forgets_its_requeue() -> None:
    queue, clock = make()
    queue.retry(A)
    queue.forget(A)
    clock.now += 1000
    assert queue.poll() is None
    assert queue.scheduled == 0


def test_the_times_in_the_queue_and_in_work_are_told() -> None:
    clock = Clock()
    queue = WorkQueue("test-times", clock=clock)
    queue.add(A)
    clock.now += 3.0
    queue.poll()
    clock.now += 5.0
    assert queue.working_for() == [5.0]
    queue.done(A)
    assert queue.working_for() == []
    labels = {"name": "test-times", "controller": "test-times"}
    assert REGISTRY.get_sample_value("workqueue_queue_duration_seconds_sum", labels) == 3.0
    assert REGISTRY.get_sample_value("workqueue_work_duration_seconds_sum", labels) == 5.0


async def test_a_worker_sleeps_until_the_next_requeue() -> None:
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return 100.0

    queue = WorkQueue("test-async", clock=clock)
    queue.schedule(A, 3600.0)
    waiting = asyncio.create_task(queue.get())
    for _ in range(20):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert looks < 10


async def test_a_waiting_worker_is_woken_by_an_add() -> None:
    queue = WorkQueue("test-async")
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    assert await asyncio.wait_for(waiting, 1) == A


async def test_a_waiting_worker_is_woken_by_a_scheduled_requeue() -> None:
    queue = WorkQueue("test-async")
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.schedule(A, 3600)
    queue.schedule(B, 0.01)
    assert await asyncio.wait_for(waiting, 1) == B


async def test_a_cancelled_wait_loses_nothing() -> None:
    queue = WorkQueue("test-async")
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    queue.add(A)
    assert await asyncio.wait_for(queue.get(), 1) == A
