# SPDX-License-Identifier: Apache-2.0
"""Who may take the lease, and when; what a leader does whose renewals fail."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest

from mlops_operator.kube.client import Client
from mlops_operator.kube.leases import LeaseRecord, first_record
from mlops_operator.runtime import election as election_module
from mlops_operator.runtime.election import Election, LeadershipLost, Move, Sighting, decide
from tests.harness.stub_server import Answer, StubServer, failure, json_answer, stub_server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PERIODS: Final = (
    election_module.RETRY_PERIOD,
    election_module.RENEW_DEADLINE,
    election_module.LEASE_DURATION,
)
"""As shipped; the tests that hold a lease shorten them."""

ME, OTHER = "pod-a", "pod-b"


def held(holder: str, *, duration: int = 15, seen: float = 100.0) -> Sighting:
    record = LeaseRecord(holder=holder, duration=duration, acquired="", renewed="", transitions=3, resource_version="7")
    return Sighting(record, seen)


def test_a_leader_ends_before_others_may_start_and_renews_several_times_before_that() -> None:
    """Two processes never write at once: client-go demands `1.2 * RetryPeriod < RenewDeadline < LeaseDuration`."""
    retry, deadline, duration = PERIODS
    assert 0 < 1.2 * retry < deadline < duration
    assert duration - deadline >= 2 * retry, "a request that is in flight at the deadline has ended by then"
    assert round(duration) == duration, "a Lease holds whole seconds"
    assert duration == 15.0, "client-go's: a pod that takes over from one that vanished waits no longer"


def test_no_lease_is_created() -> None:
    assert decide(None, identity=ME, now=0.0) is Move.CREATE


def test_ours_is_renewed_at_once_even_by_a_process_that_was_started_again() -> None:
    assert decide(held(ME), identity=ME, now=100.0) is Move.RENEW


def test_one_given_back_is_taken_at_once() -> None:
    assert decide(held(""), identity=ME, now=100.0) is Move.TAKE


def test_anothers_is_respected_for_its_whole_duration_on_our_clock() -> None:
    assert decide(held(OTHER), identity=ME, now=114.9) is Move.WAIT
    assert decide(held(OTHER), identity=ME, now=115.0) is Move.TAKE


def test_the_holders_own_duration_counts() -> None:
    assert decide(held(OTHER, duration=60), identity=ME, now=130.0) is Move.WAIT


def test_one_whose_holder_is_no_more_is_taken_at_once() -> None:
    assert decide(held(OTHER), identity=ME, now=100.0, holder_gone=True) is Move.TAKE


def test_taking_over_counts_a_transition_and_keeps_the_version_that_was_read() -> None:
    taken = held(OTHER).record.taken_by(ME, duration=15, now=NOW)
    assert (taken.holder, taken.transitions, taken.resource_version) == (ME, 4, "7")
    assert taken.acquired == taken.renewed == "2026-01-01T00:00:00.000000Z"


def test_renewing_keeps_when_it_was_acquired() -> None:
    first = first_record(ME, duration=15, now=NOW)
    renewed = first.taken_by(ME, duration=15, now=datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC))
    assert (renewed.acquired, renewed.transitions) == (first.acquired, 0)
    assert renewed.renewed == "2026-01-01T00:00:02.000000Z"


def test_a_lease_given_back_is_nobodys() -> None:
    assert held(ME).record.released(now=NOW).holder == ""


def lease(holder: str, version: str) -> Answer:
    return json_answer(
        {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}}
    )


OURS: Final = lease(ME, "7")
CONFLICT: Final[Answer] = failure(409, "Conflict")


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with stub_server() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(election_module, "RETRY_PERIOD", 0.2)
    monkeypatch.setattr(election_module, "RENEW_DEADLINE", 1.0)


async def hold(server: StubServer) -> None:
    async with Client(server.config()) as client:
        leader = Election(client, namespace="ns", name="lease", identity=ME)
        await leader.acquire()
        await leader.hold()


async def test_a_leader_that_meets_conflicts_only_does_not_hammer_and_ends_at_its_deadline(server: StubServer) -> None:
    server.on("GET", OURS)
    server.on("PUT", OURS, CONFLICT)
    with pytest.raises(LeadershipLost, match="not renewed"):
        await hold(server)
    assert server.names().count("PUT") <= 2 + 1.0 / (0.2 / 4)


async def test_a_lease_that_cannot_be_read_after_a_conflict_is_no_end(server: StubServer) -> None:
    server.on("GET", OURS, failure(500), OURS)
    server.on("PUT", OURS, CONFLICT, CONFLICT, OURS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3.0):
            await hold(server)
    assert server.names()[:8] == ["GET", "PUT", "PUT", "GET", "PUT", "GET", "PUT", "PUT"]


async def take_and_release(server: StubServer) -> None:
    async with Client(server.config()) as client:
        leader = Election(client, namespace="ns", name="lease", identity=ME)
        await leader.acquire()
        await leader.release()


async def test_a_lease_is_given_back_though_a_renewal_that_was_cut_short_made_a_newer_version(
    server: StubServer,
) -> None:
    server.on("GET", OURS, lease(ME, "9"))
    server.on("PUT", OURS, CONFLICT, lease("", "10"))
    await take_and_release(server)
    last = server.bodies[-1]
    assert (last["spec"]["holderIdentity"], last["metadata"]["resourceVersion"]) == ("", "9")


async def test_a_lease_that_another_has_taken_meanwhile_is_left_to_it(server: StubServer) -> None:
    server.on("GET", OURS, lease(OTHER, "9"))
    server.on("PUT", OURS, CONFLICT)
    await take_and_release(server)
    assert server.names() == ["GET", "PUT", "PUT", "GET"]
