# SPDX-License-Identifier: Apache-2.0
"""When rising counts of replicas are worth a status write."""

from typing import cast
from unittest.mock import Mock

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import CandidatePhase, CandidateStatus, ModelDeploymentStatus, RevisionStatus
from mlops_operator.controllers.modeldeployment import plan
from mlops_operator.controllers.modeldeployment.observed import Observed
from mlops_operator.controllers.modeldeployment.policies.coalesce import SETTLE_SECONDS, settles_in
from mlops_operator.controllers.modeldeployment.servers import Servers
from tests.unit.controllers.builders import NOW, later
from tests.unit.controllers.versions import digest_of


def servers(*, wanted: int = 2, replicas: int = 2, ready: int = 1, observed: int = 1) -> Servers:
    deployment: Manifest = {
        "metadata": {"name": "d", "generation": 1, "creationTimestamp": timestamp(NOW)},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": observed, "replicas": replicas, "readyReplicas": ready},
    }
    return Servers(deployment=deployment)


@pytest.mark.parametrize(
    ("after", "left"),
    [
        (-1, None),  # made in the future, by another clock
        (0, SETTLE_SECONDS),
        (1, SETTLE_SECONDS - 1),
        (SETTLE_SECONDS - 1, 1),
        (SETTLE_SECONDS, None),
        (SETTLE_SECONDS + 1, None),
    ],
)
def test_rising_counts_wait_until_the_newest_pod_is_ten_seconds_old(after: float, left: float | None) -> None:
    assert settles_in([servers()], later(after)) == left


@pytest.mark.parametrize(
    ("ready", "replicas", "observed", "waits"),
    [(1, 2, 1, True), (2, 2, 1, False), (2, 3, 1, True), (2, 2, 0, True)],
)
def test_counts_that_are_what_is_wanted_do_not_wait(ready: int, replicas: int, observed: int, waits: bool) -> None:
    found = settles_in([servers(ready=ready, replicas=replicas, observed=observed)], later(1))
    assert (found is not None) == waits


def test_the_longest_wait_counts_and_none_where_nothing_is_served() -> None:
    assert settles_in([servers(), servers(ready=2)], later(1)) == SETTLE_SECONDS - 1
    assert settles_in([], NOW) is None
    assert settles_in([Servers()], NOW) is None


@pytest.mark.parametrize(("ready", "falls"), [(1, True), (2, False), (3, False)])
def test_a_count_that_falls_is_written_at_once(ready: int, falls: bool) -> None:
    def status(count: int, revision: str = "r") -> ModelDeploymentStatus:
        stable = RevisionStatus(
            version="v", digest=digest_of("v"), revision=revision, deployment="d", ready_replicas=count
        )
        return ModelDeploymentStatus(stable=stable)

    assert plan._falls(status(2), status(ready)) is falls
    assert plan._falls(status(2), status(ready, "another")) is False


@pytest.mark.parametrize(("ready", "kept"), [(1, False), (2, True), (3, True)])
def test_a_candidate_without_requests_keeps_the_count_that_was_told_until_it_falls(ready: int, kept: bool) -> None:
    def candidate(phase: CandidatePhase) -> CandidateStatus:
        return CandidateStatus(
            version="v",
            digest=digest_of("v"),
            revision="r",
            deployment="d",
            ready_replicas=2,
            phase=phase,
            started_at=timestamp(NOW),
            since=timestamp(NOW),
        )

    observed = cast(Observed, Mock(servers=lambda _: servers(wanted=3, replicas=3, ready=ready)))
    told = candidate(CandidatePhase.STARTING)
    assert plan._still_out(told, told, observed) == (told if kept else None)
    assert plan._still_out(None, told, observed) is None
    for other in (CandidatePhase.STEPPING, CandidatePhase.CHECKING):
        assert plan._still_out(told, candidate(other), observed) is None
    sharing = candidate(CandidatePhase.STEPPING)
    assert plan._still_out(sharing, sharing, observed) is None


def test_the_sooner_of_two_looks_counts() -> None:
    assert plan._soonest(5.0, None, 3.0) == 3.0
    assert plan._soonest(None, None) is None
