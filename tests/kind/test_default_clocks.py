# SPDX-License-Identifier: Apache-2.0
"""A dead node on a cluster with the clocks of every cluster: what the short ones save is seen once, with its times.

Long: a cluster of its own, and minutes until Kubernetes takes a dead node for one. The times that are printed are in
docs/design/0022-disruptions.md.
"""

import time
from collections.abc import Iterator

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from localcluster.progress import OnConsole
from tests.e2e.support import WORKLOAD_IMAGE, condition, manifest, wait_reason, wait_true
from tests.harness.platforms import running
from tests.kind.conftest import CONFIG, KEPT
from tests.kind.nodes import APART, PATIENT, killed, leader, not_ready, operators_and_other
from tests.kind.pair import NAME, in_step, moved, namespace_with_version

pytestmark = [pytest.mark.deep, pytest.mark.long, pytest.mark.timeout(1800)]

NODE_LOST = 60.0
"""Seconds after a node became NotReady in which the status names it."""

REPLACED = 180.0
"""Seconds in which the operator leaves a dead node: 50 until it is NotReady, 20 that the chart lets its pod stay there,
and those of the next pod's start on a small machine."""

LONGER_THAN_THE_GRACE: Manifest = {
    "steps": [{"weight": 50, "pause": "90s"}],
    "bake": "60s",
    "progressDeadline": "120s",
}
"""The step ends after the node is NotReady, which takes 50 s."""


@pytest.fixture(scope="module")
def clocks() -> Iterator[Platform]:
    """Three nodes without the short clocks."""
    platform = Platform(
        f"{KEPT or 'mlops-kind'}-clocks", engine="kind", progress=OnConsole(), audit=True, config=CONFIG
    )
    with running(platform, keep=False):
        yield platform


@pytest.fixture
def space(clocks: Platform) -> Iterator[Kubectl]:
    """A namespace with a version whose file is on both workers."""
    with namespace_with_version(clocks, "default-clocks") as space:
        yield space


def test_a_dead_node_is_told_within_a_minute_and_its_rollout_goes_on_serving(clocks: Platform, space: Kubectl) -> None:
    staying, failing = operators_and_other(clocks)
    command = ["python3", "-c", "import time; time.sleep(3600)"]
    space.apply(manifest("TrainingJob", "gang", image=WORKLOAD_IMAGE, command=command, replicas=2, template=APART))
    wait_reason(space, "trainingjob", "gang", "Running", timeout=PATIENT)
    control_plane = f"{clocks.cluster.name}-control-plane"
    begun = moved(space, stable=staying, candidate=failing, client=control_plane, rollout=LONGER_THAN_THE_GRACE)
    in_step(space, 0)
    with killed(clocks, failing):
        dead = time.monotonic()
        not_ready(clocks, failing)
        noticed = time.monotonic()
        told = wait_reason(space, "trainingjob", "gang", "NodeLost", timeout=NODE_LOST)
        named = time.monotonic()
        assert f"node {failing} of rank" in condition(told)["message"]
        begun.client.more(5)  # those that were sent to dead endpoints
        failed = begun.client.until(bool)["failed"]
        stopped = space.wait(
            "modeldeployment", NAME, lambda obj: "stopped" in obj["status"], what="to stop the candidate", timeout=300
        )
        given_up = time.monotonic()
        counts = begun.client.more(100)
        assert counts["failed"] == failed, counts
        assert stopped["status"]["stable"]["revision"] == begun.before["status"]["stable"]["revision"]
    print(f"the node was NotReady after {noticed - dead:.0f} s, in the status {named - noticed:.0f} s later;")
    print(f"the candidate was stopped after {given_up - dead:.0f} s; {failed} of {counts['sent']} requests failed")


def test_the_operator_leaves_a_dead_node(clocks: Platform, space: Kubectl) -> None:
    with killed(clocks, str(leader(clocks)["spec"]["nodeName"])):
        dead = time.monotonic()
        space.apply(manifest("TrainingJob", "one", image=WORKLOAD_IMAGE, command=["python3", "-c", "pass"]))
        wait_true(space, "trainingjob", "one", "Complete", timeout=REPLACED)
        print(f"from the node's end to a training by another operator: {time.monotonic() - dead:.0f} s")
