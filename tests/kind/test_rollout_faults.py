# SPDX-License-Identifier: Apache-2.0
"""A node fails at each step of a rollout, under the candidate or the stable version: the service goes on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from _pytest.mark import ParameterSet

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import is_true, of
from tests.kind.nodes import PATIENT, cut_off, frozen_runtime, killed, not_ready, operators_and_other
from tests.kind.pair import NAME, in_bake, in_step, moved, namespace_with_version, serving

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

Fault = Callable[[Platform, str], AbstractContextManager[None]]
Moment = Callable[[Kubectl], Manifest]

ROLLOUT: Manifest = {
    "steps": [{"weight": 25, "pause": "8s"}, {"weight": 50, "pause": "8s"}],
    "bake": "60s",
    "progressDeadline": "60s",
}


def in_first_step(space: Kubectl) -> Manifest:
    return in_step(space, 0)


def in_second_step(space: Kubectl) -> Manifest:
    return in_step(space, 1)


MOMENTS: list[Moment] = [in_first_step, in_second_step, in_bake]
TELLING = {(killed, "candidate", in_bake), (killed, "stable", in_first_step)}
"""Run with the deep tests: the new version dies after it took over; all servers of the stable version die while a
candidate lives. The other cells take two to four minutes each, so they are long. The first step of a candidate is in
test_dead_candidate.py."""


def cells() -> Iterator[ParameterSet]:
    for fault in (killed, cut_off, frozen_runtime):
        for role in ("candidate", "stable"):
            for moment in MOMENTS:
                if (role, moment) == ("candidate", in_first_step):
                    continue
                marks = () if (fault, role, moment) in TELLING else (pytest.mark.long,)
                yield pytest.param(fault, role, moment, id=f"{role}-{moment.__name__}-{fault.__name__}", marks=marks)


@pytest.fixture
def space(platform: Platform) -> Iterator[Kubectl]:
    """A namespace with a version whose file is on both workers."""
    with namespace_with_version(platform, "rollout-faults") as space:
        yield space


@pytest.mark.parametrize(("fault", "role", "moment"), list(cells()))
def test_a_failed_node_takes_no_more_than_its_own_servers(
    platform: Platform, space: Kubectl, fault: Fault, role: str, moment: Moment
) -> None:
    """The operator and the client run elsewhere, so that what is seen is the decision and not another failure."""
    staying, failing = operators_and_other(platform)
    nodes = (
        {"candidate": failing, "stable": staying} if role == "candidate" else {"candidate": staying, "stable": failing}
    )
    begun = moved(space, **nodes, client=f"{platform.cluster.name}-control-plane", rollout=ROLLOUT)
    moment(space)
    failed_before = begun.client.until(bool)["failed"]
    with fault(platform, failing):
        if fault is frozen_runtime:
            counts = begun.client.more(600)  # its servers go on answering
            assert counts["failed"] == failed_before, counts
        else:
            not_ready(platform, failing)
            begun.client.more(5)  # those that were sent to dead endpoints
            failed = begun.client.until(bool)["failed"]
            counts = begun.client.more(200)
            assert counts["failed"] == failed, counts
            ready = [pod for pod in space.list("pod", of(begun.before)) if is_true(pod, "Ready")]
            assert {pod["spec"]["nodeName"] for pod in ready} == {staying}
        if role == "candidate" and fault is not frozen_runtime:
            stable = given_back(space, begun.before)["status"]["stable"]
            assert stable["revision"] == begun.before["status"]["stable"]["revision"]
    after = serving(space)
    print(f"another revision serves: {after['status']['stable'] != begun.before['status']['stable']}")


def given_back(space: Kubectl, before: Manifest) -> Manifest:
    """The deployment once the candidate was stopped and the former revision serves."""
    revision = before["status"]["stable"]["revision"]
    return space.wait(
        "modeldeployment",
        NAME,
        lambda obj: "stopped" in obj["status"] and obj["status"]["stable"]["revision"] == revision,
        what="to give the candidate up",
        timeout=PATIENT,
    )
