# SPDX-License-Identifier: Apache-2.0
"""What a follower waits for, what a leader does that meets another's lease, and what is given back."""

from collections.abc import AsyncIterator

import pytest

from mlops_operator.kube.client import Client
from mlops_operator.runtime import election as election_module
from mlops_operator.runtime.election import RENEW_DEADLINE, Election, LeadershipLost
from tests.harness.stub_server import Answer, StubServer, failure, json_answer, stub_server
from tests.unit.runtime.test_election import CONFLICT, ME, OTHER, OURS, lease

LEASE = "GET /apis/coordination.k8s.io/v1/namespaces/ns/leases/lease"
POD = f"GET /api/v1/namespaces/ns/pods/{OTHER}"
RUNNING = json_answer({"status": {"phase": "Running"}})


class Bench:
    """An election on a clock of its own, and the server it speaks to."""

    def __init__(self, server: StubServer, client: Client) -> None:
        self.server = server
        self.time = 100.0
        self.election = Election(client, namespace="ns", name="lease", identity=ME, clock=lambda: self.time)

    async def takes(self) -> bool:
        """Whether one attempt gets the lease."""
        return await self.election._attempt()


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(election_module, "RETRY_PERIOD", 0.01)
    async with stub_server() as server, Client(server.config()) as client:
        yield Bench(server, client)


@pytest.mark.parametrize(("age", "leads"), [(0.0, True), (RENEW_DEADLINE - 0.1, True), (RENEW_DEADLINE, False)])
async def test_a_leader_leads_until_its_deadline_and_not_at_it(bench: Bench, age: float, leads: bool) -> None:
    bench.server.on("GET", failure(404, "NotFound"))
    bench.server.on("POST", OURS)
    assert await bench.takes()
    bench.time += age
    assert bench.election.leading() is leads


# -- following -----------------------------------------------------------------------------------


async def test_a_lease_that_is_not_renewed_is_taken_when_its_duration_has_passed(bench: Bench) -> None:
    bench.server.on(LEASE, lease(OTHER, "7"))
    bench.server.on(POD, RUNNING)
    bench.server.on("PUT", OURS)
    assert not await bench.takes()
    bench.time += 14.9
    assert not await bench.takes()
    bench.time += 0.1
    assert await bench.takes()


async def test_a_renewal_that_is_seen_begins_the_wait_anew(bench: Bench) -> None:
    bench.server.on(LEASE, lease(OTHER, "7"), lease(OTHER, "8"))
    bench.server.on(POD, RUNNING)
    bench.server.on("PUT", OURS)
    assert not await bench.takes()
    bench.time += 10.0
    assert not await bench.takes()
    bench.time += 10.0
    assert not await bench.takes()
    bench.time += 5.0
    assert await bench.takes()


@pytest.mark.parametrize(
    ("pod", "taken"),
    [
        (failure(404, "NotFound"), True),
        (json_answer({"status": {"phase": "Succeeded"}}), True),
        (json_answer({"status": {"phase": "Failed"}}), True),
        (RUNNING, False),
        (json_answer({}), False),
        (failure(403, "Forbidden"), False),
    ],
    ids=["no such pod", "succeeded", "failed", "running", "without a status", "not to be read"],
)
async def test_the_lease_of_a_pod_that_is_no_more_is_taken_at_once(bench: Bench, pod: Answer, taken: bool) -> None:
    bench.server.on(LEASE, lease(OTHER, "7"))
    bench.server.on(POD, pod)
    bench.server.on("PUT", OURS)
    assert await bench.takes() is taken
    assert ("PUT" in bench.server.names()) is taken


async def test_no_pod_is_looked_for_by_the_identity_of_a_process_outside_a_cluster(bench: Bench) -> None:
    bench.server.on(LEASE, lease("laptop_1", "7"))
    assert not await bench.takes()
    assert bench.server.names() == ["GET"]


# -- renewing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "holder"), [(lease(OTHER, "9"), OTHER), (failure(404, "NotFound"), "nobody")], ids=["another's", "none"]
)
async def test_a_leader_whose_lease_another_wrote_has_lost_it(bench: Bench, found: Answer, holder: str) -> None:
    bench.server.on("PUT", OURS, CONFLICT)
    bench.server.on("GET", OURS, found)
    assert await bench.takes()
    with pytest.raises(LeadershipLost, match=f"held by '{holder}'"):
        await bench.election._renew()


async def test_a_conflict_over_a_lease_that_is_ours_is_no_renewal(bench: Bench) -> None:
    bench.server.on("PUT", OURS, CONFLICT, OURS)
    bench.server.on("GET", OURS)
    assert await bench.takes()
    await bench.election._renew()
    assert bench.server.names() == ["GET", "PUT", "PUT", "GET", "PUT"]


# -- giving back ---------------------------------------------------------------------------------


async def test_one_that_has_not_looked_yet_gives_nothing_back(bench: Bench) -> None:
    await bench.election.release()
    assert bench.server.names() == []


async def test_a_follower_does_not_give_back_what_another_holds(bench: Bench) -> None:
    bench.server.on(LEASE, lease(OTHER, "7"))
    bench.server.on(POD, RUNNING)
    assert not await bench.takes()
    await bench.election.release()
    assert "PUT" not in bench.server.names()
