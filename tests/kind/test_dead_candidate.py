# SPDX-License-Identifier: Apache-2.0
"""The node of a new version fails in a step: clients go on getting answers, whatever its pods say."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import Client, is_true, of
from tests.kind.nodes import PATIENT, cut_off, frozen_runtime, killed, operators_and_other
from tests.kind.pair import SHORT_STEP, client_of, in_step, moved, namespace_with_version, pair, serving

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

GIVEN_UP = ("CandidateUnavailable", "ProgressDeadlineExceeded")
"""Its pods did not answer when they were asked, or were known not to be ready before."""


@pytest.fixture
def space(platform: Platform) -> Iterator[Kubectl]:
    """A namespace with a version whose file is on both workers."""
    with namespace_with_version(platform, "dead-candidate") as space:
        yield space


def in_a_step(space: Kubectl, platform: Platform) -> tuple[Manifest, Client, str, str]:
    """A rollout from the node of the operator to the other worker, in its step under load.

    Returns:
        The deployment before it, a client on the node that stays, that node, and the other one.
    """
    staying, failing = operators_and_other(platform)
    begun = moved(space, stable=staying, candidate=failing, client=staying)
    in_step(space, 0)
    return begun.before, begun.client, staying, failing


@pytest.mark.parametrize("fails", [killed, cut_off])
def test_a_candidate_whose_node_fails_in_a_step_never_takes_over(
    platform: Platform, space: Kubectl, fails: Callable[[Platform, str], AbstractContextManager[None]]
) -> None:
    before, client, staying, failing = in_a_step(space, platform)
    with fails(platform, failing):
        stopped = space.wait(
            "modeldeployment",
            "pair",
            lambda obj: (obj["status"].get("stopped") or {}).get("reason") in GIVEN_UP,
            what="to give the candidate up",
            timeout=PATIENT,
        )
        print(f"the candidate was given up: {stopped['status']['stopped']['reason']}")
        assert stopped["status"]["stable"]["revision"] == before["status"]["stable"]["revision"]
        client.more(5)
        failed = client.until(bool)["failed"]
        counts = client.more(40)
        assert counts["failed"] == failed, counts
        ready = [pod for pod in space.list("pod", of(stopped)) if is_true(pod, "Ready")]
        assert [pod["spec"]["nodeName"] for pod in ready if pod["spec"]["nodeName"] == staying]


def test_a_candidate_whose_runtime_stands_still_costs_no_request(platform: Platform, space: Kubectl) -> None:
    """Its servers go on answering, so it may take over; they are never the only ones that are said to be ready."""
    before, client, _, failing = in_a_step(space, platform)
    with frozen_runtime(platform, failing):
        counts = client.more(600)
    assert counts["failed"] == 0, counts
    after = serving(space)
    print(f"another revision serves: {after['status']['stable'] != before['status']['stable']}")
    counts = client.more(20)
    assert counts["failed"] == 0, counts


def test_a_lost_server_of_the_stable_version_costs_requests_until_its_node_is_not_ready(
    platform: Platform, space: Kubectl
) -> None:
    """One server on each worker: the other one answers, and the cause is in the status."""
    staying, failing = operators_and_other(platform)
    apart = {
        "topologyKey": "kubernetes.io/hostname",
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"test": "apart"}},
    }
    deployment = pair(rollout=SHORT_STEP)
    deployment["spec"]["template"]["metadata"] = {"labels": {"test": "apart"}}
    deployment["spec"]["template"]["spec"]["topologySpreadConstraints"] = [apart]
    space.apply(deployment)
    serving(space)
    client = client_of(space, staying)
    with killed(platform, failing):
        lost = space.wait(
            "modeldeployment",
            "pair",
            lambda obj: f"node {failing}" in str(obj["status"]["conditions"]),
            what="to name the node",
            timeout=PATIENT,
        )
        assert lost["status"]["stable"]["version"] == "plus-1"
        client.more(5)
        failed = client.until(bool)["failed"]
        counts = client.more(40)
        assert counts["failed"] == failed, counts
    assert serving(space)["status"]["stable"]["revision"] == lost["status"]["stable"]["revision"]
