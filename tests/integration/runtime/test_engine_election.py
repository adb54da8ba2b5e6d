# SPDX-License-Identifier: Apache-2.0
"""Two operators, one lease: one writes, the other takes over when it is its turn and not before."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from mlops_operator.kube.client import Client
from mlops_operator.kube.config import ClusterConfig
from mlops_operator.kube.leases import LeaseRecord, read_lease, write_lease
from mlops_operator.kube.resources import PODS
from mlops_operator.runtime import election as election_module
from mlops_operator.runtime.election import Election, LeadershipLost
from mlops_operator.runtime.manager import Manager, Options
from tests.harness.gadgets import GADGETS, GadgetController, gadget
from tests.harness.proxy import Fault, Proxy
from tests.harness.waiting import eventually
from tests.integration.runtime.conftest import Operator

pytestmark = pytest.mark.usefixtures("gadgets")

LEASE = "test-lease"


@pytest.fixture
def candidate(client: Client, namespace: str) -> Callable[[str], Election]:
    return lambda identity: Election(client, namespace=namespace, name=LEASE, identity=identity)


async def acquires(election: Election, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await election.acquire()
    except TimeoutError:
        return False
    return True


async def lease(client: Client, namespace: str) -> LeaseRecord:
    record = await read_lease(client, namespace=namespace, name=LEASE)
    assert record is not None
    return record


async def test_only_one_of_two_leads(candidate: Callable[[str], Election]) -> None:
    first, second = candidate("a_1"), candidate("b_1")
    assert await acquires(first, within=2)
    assert first.leading()
    assert not await acquires(second, within=5)
    assert not second.leading()


async def test_a_process_started_again_under_its_name_leads_at_once(candidate: Callable[[str], Election]) -> None:
    assert await acquires(candidate("pod-a"), within=2)  # and is killed: gives nothing back
    assert await acquires(candidate("pod-a"), within=1)


async def test_a_lease_given_back_is_taken_at_once(
    candidate: Callable[[str], Election], client: Client, namespace: str
) -> None:
    first = candidate("a_1")
    assert await acquires(first, within=2)
    await first.release()
    assert not first.leading()
    assert await acquires(candidate("b_1"), within=1)
    assert (await lease(client, namespace)).transitions == 1


async def test_a_lease_whose_holders_pod_is_gone_is_taken_at_once(candidate: Callable[[str], Election]) -> None:
    assert await acquires(candidate("pod-that-never-was"), within=2)
    assert await acquires(candidate("pod-b"), within=1)


async def test_a_lease_whose_holders_pod_has_ended_is_taken_at_once(
    candidate: Callable[[str], Election], client: Client, namespace: str
) -> None:
    pod = PODS.manifest(name="pod-a", namespace=namespace)
    pod["spec"] = {"containers": [{"name": "main", "image": "x"}]}
    await client.create(PODS, pod)
    assert await acquires(candidate("pod-a"), within=2)
    assert not await acquires(candidate("pod-b"), within=3), "its pod is there: it is respected"
    await client.merge_patch(
        PODS, namespace=namespace, name="pod-a", subresource="status", body={"status": {"phase": "Failed"}}
    )
    assert await acquires(candidate("pod-b"), within=3)


async def test_a_silent_leader_is_displaced_after_its_duration(
    candidate: Callable[[str], Election], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election_module, "LEASE_DURATION", 3.0)
    assert await acquires(candidate("a_1"), within=2)
    started = asyncio.get_running_loop().time()
    assert await acquires(candidate("b_1"), within=8)
    assert asyncio.get_running_loop().time() - started >= 3.0


async def test_a_leader_that_cannot_renew_stops_before_others_may_start(
    faulty: Proxy, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election_module, "RENEW_DEADLINE", 2.0)
    monkeypatch.setattr(election_module, "RETRY_PERIOD", 0.5)
    async with Client(faulty.config()) as client:
        leader = Election(client, namespace=namespace, name=LEASE, identity="a_1")
        await leader.acquire()
        faulty.inject(Fault(lambda request: True, times=None))
        started = asyncio.get_running_loop().time()
        with pytest.raises(LeadershipLost, match="not renewed"):
            await leader.hold()
        assert 1.0 < asyncio.get_running_loop().time() - started < 2.5
        assert not leader.leading()


async def test_a_leader_survives_faults_that_are_shorter_than_its_deadline(
    faulty: Proxy, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election_module, "RETRY_PERIOD", 0.3)
    async with Client(faulty.config()) as client:
        leader = Election(client, namespace=namespace, name=LEASE, identity="a_1")
        await leader.acquire()
        faulty.inject(Fault(lambda request: True, times=3))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await leader.hold()


async def test_a_renewal_whose_reply_was_lost_is_no_loss(
    faulty: Proxy, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election_module, "RETRY_PERIOD", 0.3)
    async with Client(faulty.config()) as client:
        leader = Election(client, namespace=namespace, name=LEASE, identity="a_1")
        await leader.acquire()
        lost = faulty.inject(Fault(lambda request: request.method == "PUT", forwarded=True, times=2))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await leader.hold()
        assert lost.happened == 2


async def test_a_leader_whose_lease_was_taken_ends(
    candidate: Callable[[str], Election], client: Client, namespace: str
) -> None:
    leader = candidate("a_1")
    assert await acquires(leader, within=2)
    stolen = (await lease(client, namespace)).taken_by("thief", duration=15, now=election_module._now())
    await write_lease(client, stolen, namespace=namespace, name=LEASE)
    with pytest.raises(LeadershipLost, match="thief"):
        await leader.hold()


async def test_a_follower_writes_nothing_and_takes_over_with_warm_caches(
    client: Client, namespace: str, operator: Operator
) -> None:
    first, second = GadgetController(), GadgetController()
    elected = {"leader_elect": True, "lease_namespace": namespace}
    async with operator(second, identity="b_1", wait=False, **elected) as follower:
        async with operator(first, identity="a_1", wait=False, **elected) as leader:
            await eventually(lambda: ready(leader, follower), within=20)
            controllers = {id(first): first, id(second): second}
            await client.create(GADGETS, gadget("one", namespace, text="x"))
            await settled(client, namespace, "one")
            worked = Counter({key: sum(controller.plans.values()) for key, controller in controllers.items()})
            assert sorted(bool(number) for number in worked.values()) == [False, True], "one of them worked"
        # The context ends "a"; whoever led, "b" leads now.
        await client.create(GADGETS, gadget("two", namespace, text="x"))
        await settled(client, namespace, "two")
        assert sum(second.plans.values()) > 0


async def ready(*managers: Manager) -> bool:
    return all(manager.ready for manager in managers)


def settled(client: Client, namespace: str, name: str) -> Awaitable[object]:
    return eventually(
        lambda: client.get(GADGETS, namespace=namespace, name=name),
        lambda found: found.get("status", {}).get("text") == "x",
    )


async def test_an_operator_whose_lease_is_taken_ends_with_that_error(
    config: ClusterConfig, client: Client, namespace: str
) -> None:
    options = Options(
        namespaces=(namespace,),
        lease_namespace=namespace,
        lease_name=LEASE,
        metrics_address="127.0.0.1:0",
        identity="a_1",
    )
    manager = Manager(config, [GadgetController()], options)
    running = asyncio.create_task(manager.run())
    await eventually(lambda: ready(manager), within=20)
    stolen = (await lease(client, namespace)).taken_by("thief", duration=15, now=election_module._now())
    await write_lease(client, stolen, namespace=namespace, name=LEASE)
    with pytest.raises(LeadershipLost):
        async with asyncio.timeout(10):
            await running
    assert (await lease(client, namespace)).holder == "thief", "what is not ours is not given back"
