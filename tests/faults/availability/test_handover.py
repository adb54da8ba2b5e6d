"""Given a leader that goes, in order or not, then another one leads within the time that is promised."""

import time
from statistics import median

import pytest

from tests.faults.availability.replicas import KILLED, RESTARTED, TERMINATED, Replica, Replicas
from tests.harness.waiting import eventually


async def test_a_leader_told_to_stop_hands_over_within_three_seconds(replicas: Replicas) -> None:
    leader, follower = await replicas.two()
    began = time.monotonic()
    leader.process.child.terminate()
    marker = await replicas.train("marker")
    await eventually(follower.process.leads, within=TERMINATED)
    took = time.monotonic() - began
    print(f"SIGTERM to the next leader: {took:.2f} s")
    assert took <= TERMINATED
    assert await leader.process.ends() == 0
    await replicas.finished([marker])


async def test_a_leader_that_was_killed_is_followed_within_twenty_seconds(replicas: Replicas) -> None:
    leader, follower = await replicas.two()
    began = time.monotonic()
    await leader.process.kill()
    marker = await replicas.train("marker")
    await eventually(follower.process.leads, within=KILLED)
    took = time.monotonic() - began
    print(f"SIGKILL to the next leader: {took:.2f} s")
    assert took <= KILLED
    await replicas.finished([marker])
    assert (await replicas.lease()).transitions == 1


async def restart(replicas: Replicas, name: str) -> tuple[Replica, float]:
    """Kill the only process and start it again in its pod; returns it and the seconds to the child of a new object."""
    await replicas.make_pod(f"operator-{name}")
    operator = await replicas.start(pod=f"operator-{name}")
    await eventually(operator.process.ready, within=KILLED)
    began = time.monotonic()
    await operator.process.kill()
    operator = await replicas.start(pod=f"operator-{name}")
    marker = await replicas.train(name)
    await replicas.child(marker)
    took = time.monotonic() - began
    used = await operator.process.metric("process_cpu_seconds_total")
    print(f"SIGKILL to the child of a new object: {took:.2f} s; CPU time of the new process: {used:.2f} s")
    await replicas.finished([marker])
    return operator, took


async def test_a_container_killed_and_started_again_goes_on_without_waiting(replicas: Replicas) -> None:
    """What takes its time is counted, not measured: it looks at the lease once and writes it, and that is all."""
    operator, _ = await restart(replicas, "marker")
    assert operator.looks.number == 1
    assert (operator.trace.writes[0].resource, operator.trace.writes[0].code) == ("leases", 200)
    assert operator.process.messages("warning", "error") == []
    assert (await replicas.lease()).transitions == 0


@pytest.mark.deep
async def test_a_container_killed_and_started_again_has_a_child_within_two_seconds(replicas: Replicas) -> None:
    times = []
    for count in range(3):
        operator, took = await restart(replicas, f"marker-{count}")
        await operator.terminate()
        times.append(took)
    assert median(times) <= RESTARTED


async def test_a_lease_whose_holders_pod_is_gone_is_taken_at_once(replicas: Replicas) -> None:
    for name in ("operator-1", "operator-2"):
        await replicas.make_pod(name)
    leader = await replicas.start(pod="operator-1")
    await eventually(leader.process.leads, within=KILLED)
    follower = await replicas.start(pod="operator-2")
    await eventually(follower.process.ready, within=KILLED)
    await leader.process.kill()
    marker = await replicas.train("marker")
    began = time.monotonic()
    await replicas.remove_pod("operator-1")
    await eventually(follower.process.leads, within=TERMINATED)
    print(f"pod gone to the next leader: {time.monotonic() - began:.2f} s")
    await replicas.finished([marker])
