# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from mlops_operator.api.meta import LABEL_UID, Manifest
from mlops_operator.controllers.modeldeployment.names import LABEL_REVISION, pod_labels
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_DEPLOYMENTS, PODS, SERVICES
from tests.faults.invariants.serving import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, changed, child, conditions


def parent(stable: str | None = None, **spec: Any) -> Manifest:
    status = {"stable": {"revision": stable, "deployment": f"served-{stable}"}} if stable else {}
    return make(MODEL_DEPLOYMENTS, "served", spec=spec, status=status)


def deployment(revision: str, *, replicas: int = 1, ready: int = 0) -> Manifest:
    return child(
        DEPLOYMENTS,
        f"served-{revision}",
        parent(),
        labels={LABEL_REVISION: revision},
        spec={"replicas": replicas, "template": {"metadata": {"labels": pod_labels(parent(), revision)}}},
        status={"readyReplicas": ready} if ready else {},
    )


def pod(revision: str, *, ready: bool) -> Manifest:
    flag = "True" if ready else "False"
    status = {"conditions": conditions(Ready=(flag, "Ready"))}
    return make(PODS, f"pod-{revision}", spec={}, status=status, labels=pod_labels(parent(), revision))


def traffic(revision: str | None) -> Manifest:
    return child(SERVICES, "served", parent(), uid="traffic", spec={"selector": pod_labels(parent(), revision)})


class Rollout(Story):
    """Revision r1 serves; r2 is there and not ready."""

    def __init__(self, **spec: Any) -> None:
        super().__init__()
        self.put(MODEL_DEPLOYMENTS, parent("r1", **spec))
        self.put(DEPLOYMENTS, deployment("r1"))
        self.put(PODS, pod("r1", ready=True))
        self.put(SERVICES, traffic("r1"))
        self.candidate = self.put(DEPLOYMENTS, deployment("r2"))

    def point(self, revision: str | None) -> None:
        """The operator moves the traffic."""
        wanted = traffic(revision)
        self.write("apply", SERVICES, "served", wanted)
        self.put(SERVICES, wanted)

    def scale(self, revision: str, replicas: int) -> None:
        """The operator scales a revision."""
        self.write("patch", DEPLOYMENTS, f"served-{revision}", {"spec": {"replicas": replicas}})
        self.put(DEPLOYMENTS, deployment(revision, replicas=replicas))

    def drop(self, revision: str) -> None:
        """The operator deletes a revision."""
        self.delete(DEPLOYMENTS, self.put(DEPLOYMENTS, deployment(revision)))
        self.remove(DEPLOYMENTS, deployment(revision))

    @property
    def found(self) -> list[str]:
        return list(check(self.history))


@pytest.mark.parametrize("by_pod", [True, False])
def test_a_rollout(*, by_pod: bool) -> None:
    story = Rollout()
    if by_pod:
        story.put(PODS, pod("r2", ready=True))
    else:
        story.put(DEPLOYMENTS, deployment("r2", ready=1))
    story.point(None)
    story.put(MODEL_DEPLOYMENTS, parent("r2"))
    story.point("r2")
    story.drop("r1")
    assert story.found == []


def test_a_candidate_that_never_served_goes() -> None:
    story = Rollout()
    story.point(None)
    story.drop("r2")
    assert story.found == []


def test_traffic_moved_to_servers_that_are_not_ready() -> None:
    story = Rollout()
    story.put(PODS, pod("r2", ready=False))
    story.point("r2")
    assert story.found == ["at version 108: services served: served served ['r1'] and serves nothing now"]


def test_traffic_moved_to_servers_of_a_former_deployment_of_that_name() -> None:
    story = Rollout()
    stray = pod("r2", ready=True)
    story.put(PODS, changed(stray, metadata={"labels": {**stray["metadata"]["labels"], LABEL_UID: "former"}}))
    story.point("r2")
    assert len(story.found) == 1


def test_the_serving_deployment_is_deleted() -> None:
    story = Rollout()
    story.drop("r1")
    serves_nothing, still_stable = story.found
    assert "served served ['r1'] and serves nothing now" in serves_nothing
    assert "was deleted while served still names it as stable" in still_stable


def test_the_stable_deployment_is_deleted_while_the_candidate_shares() -> None:
    story = Rollout()
    story.put(PODS, pod("r2", ready=True))
    story.point(None)
    story.drop("r1")
    (violation,) = story.found
    assert "was deleted while served still names it as stable" in violation


def test_the_serving_deployment_is_scaled_to_nothing() -> None:
    story = Rollout()
    story.scale("r1", 0)
    serves_nothing, scaled = story.found
    assert "serves nothing now" in serves_nothing
    assert "the stable version was scaled from 1 to 0; never fewer than 1 were asked for" in scaled


def test_the_stable_version_is_scaled_below_what_was_asked_for() -> None:
    story = Rollout(replicas=3)
    story.scale("r1", 3)
    story.scale("r1", 2)
    (violation,) = story.found
    assert "the stable version was scaled from 3 to 2; never fewer than 3 were asked for" in violation


def test_somebody_asks_for_none() -> None:
    story = Rollout(replicas=1)
    story.put(MODEL_DEPLOYMENTS, parent("r1", replicas=0))
    story.scale("r1", 0)
    assert story.found == []


def test_servers_that_fail_by_themselves() -> None:
    story = Rollout()
    story.scale("r1", 1)
    story.put(DEPLOYMENTS, deployment("r1", ready=1))
    story.put(PODS, pod("r1", ready=False))
    story.put(DEPLOYMENTS, deployment("r1"))
    assert story.found == []


def test_a_deployment_that_somebody_else_deletes() -> None:
    story = Rollout()
    story.remove(DEPLOYMENTS, deployment("r1"))
    assert story.found == []


def test_a_deletion_that_was_refused_is_not_what_deleted() -> None:
    story = Rollout()
    guard = {"preconditions": {"uid": "uid-of-served-r1", "resourceVersion": "102"}}
    story.write("delete", DEPLOYMENTS, "served-r1", guard, code=409)
    story.remove(DEPLOYMENTS, deployment("r1"))
    assert story.found == []


def test_a_parent_that_is_going() -> None:
    story = Rollout()
    story.put(MODEL_DEPLOYMENTS, changed(parent("r1"), metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}))
    story.drop("r1")
    assert story.found == []
