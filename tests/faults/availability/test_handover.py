# SPDX-License-Identifier: Apache-2.0
"""Given a leader that goes, in order or not, then another one leads: at once where it can know, else by the lease.

The times are printed (`pytest -s`); what takes them is what is asserted.
"""

import time

from tests.faults.availability.replicas import KILLED, TERMINATED, Replica, Replicas
from tests.harness.waiting import eventually


async def test_a_leader_told_to_stop_hands_over_before_its_lease_would_expire(replicas: Replicas) -> None:
    leader, follower = await replicas.two()
    began = time.monotonic()
    leader.process.child.terminate()
    marker = await replicas.train("marker")
    await eventually(follower.process.leads, within=TERMINATED)
    print(f"SIGTERM to the next leader: {time.monotonic() - began:.2f} s")
    assert await leader.process.ends() == 0
    await replicas.finished([marker])


async def test_a_leader_that_was_killed_is_followed_when_its_lease_has_expired(replicas: Replicas) -> None:
    leader, follower = await replicas.two()
    began = time.monotonic()
    await leader.process.kill()
    marker = await replicas.train("marker")
    await eventually(follower.process.leads, within=KILLED)
    print(f"SIGKILL to the next leader: {time.monotonic() - began:.2f} s")
    await replicas.finished([marker])
    assert (await replicas.lease()).transitions == 1


async def restart(replicas: Replicas, name: str) -> Replica:
    """Kill the only process, start it again in its pod and let it make the child of a new object."""
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
    return operator


async def test_a_container_killed_and_started_again_goes_on_without_waiting(replicas: Replicas) -> None:
    """What takes its time is counted, not measured: it looks at the lease once and writes it, and that is all."""
    operator = await restart(replicas, "marker")
    assert operator.looks.number == 1
    assert (operator.trace.writes[0].resource, operator.trace.writes[0].code) == ("leases", 200)
    assert operator.process.messages("warning", "error") == []
    assert (await replicas.lease()).transitions == 0


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
