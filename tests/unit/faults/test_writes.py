# SPDX-License-Identifier: Apache-2.0
import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import DEPLOYMENTS, EVENTS, JOBS, LEASES, TRAINING_JOBS, Resource
from tests.faults.history import Gap
from tests.faults.invariants.writes import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story


def begun() -> tuple[Story, Manifest]:
    story = Story()
    obj = story.put(TRAINING_JOBS, make(TRAINING_JOBS, "job", spec={}))
    return story, {"uid": obj["metadata"]["uid"], "resourceVersion": obj["metadata"]["resourceVersion"]}


def test_guarded_writes() -> None:
    story, guard = begun()
    story.write("create", JOBS, "job-0", {"spec": {}})
    story.write("apply", DEPLOYMENTS, "served", {"spec": {}})
    story.write("patch", TRAINING_JOBS, "job", {"metadata": guard, "status": {}}, subresource="status")
    story.write("patch", TRAINING_JOBS, "job", {"metadata": {**guard, "labels": {}}})
    story.write("create", EVENTS, "job.1", {})
    story.write("update", LEASES, "mlops-operator", {})
    assert list(check(story.history)) == []


@pytest.mark.parametrize("missing", ["uid", "resourceVersion"])
def test_a_patch_of_any_state(missing: str) -> None:
    story, guard = begun()
    metadata = {name: value for name, value in guard.items() if name != missing}
    story.write("patch", TRAINING_JOBS, "job", {"metadata": metadata, "status": {}}, subresource="status")
    (violation,) = check(story.history)
    assert "expected uid and resourceVersion in its metadata" in violation


def test_a_patch_for_a_state_that_never_was() -> None:
    story, guard = begun()
    body = {"metadata": {**guard, "resourceVersion": "7"}, "status": {}}
    story.write("patch", TRAINING_JOBS, "job", body, subresource="status")
    (violation,) = check(story.history)
    assert "at version 7, which nobody has seen" in violation


def test_a_patch_for_a_state_that_the_recorder_cannot_have_seen() -> None:
    story, guard = begun()
    body = {"metadata": {**guard, "resourceVersion": "7"}, "status": {}}
    story.write("patch", TRAINING_JOBS, "job", body, subresource="status")
    story.history.gaps = [Gap(TRAINING_JOBS, after=6, until=7)]
    assert not list(check(story.history))
    for gap in (Gap(TRAINING_JOBS, after=7, until=9), Gap(TRAINING_JOBS, after=2, until=6), Gap(JOBS, 6, 7)):
        story.history.gaps = [gap]
        assert len(list(check(story.history))) == 1


def test_a_write_into_another_namespace() -> None:
    story, _ = begun()
    story.write("create", JOBS, "job-0", {}, namespace="team-b")
    (violation,) = check(story.history)
    assert "went to the namespace 'team-b', not to ['team-a']" in violation


def test_an_event_in_another_namespace() -> None:
    story, _ = begun()
    story.write("create", EVENTS, "job.1", {}, namespace="default")
    assert len(list(check(story.history))) == 1


@pytest.mark.parametrize(
    ("verb", "resource", "subresource", "body", "what"),
    [
        ("update", JOBS, "", {}, "expected create, apply, patch or delete"),
        ("apply", TRAINING_JOBS, "", {}, "applied an object of ours"),
        ("patch", TRAINING_JOBS, "", {"spec": {"suspend": True}}, "wrote the spec of an object of ours"),
        ("patch", JOBS, "status", {"status": {}}, "wrote status of what is somebody else's to report on"),
    ],
)
def test_writes_that_are_not_the_operators(
    verb: str, resource: Resource, subresource: str, body: Manifest, what: str
) -> None:
    story, guard = begun()
    story.write(verb, resource, "job", {"metadata": guard, **body}, subresource=subresource)
    (violation,) = check(story.history)
    assert what in violation
