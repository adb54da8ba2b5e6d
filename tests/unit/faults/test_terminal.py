# SPDX-License-Identifier: Apache-2.0
import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, PROMOTIONS, TRAINING_JOBS, Resource
from tests.faults.invariants.terminal import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, changed, conditions


def told(resource: Resource, *states: Manifest) -> list[str]:
    story = Story()
    for state in states:
        story.put(resource, make(resource, "one", spec={}, status=state))
    return list(check(story.history))


def test_a_phase_that_is_not_final_may_change() -> None:
    assert told(TRAINING_JOBS, {"phase": "Running"}, {"phase": "Retrying"}, {"phase": "Failed"}) == []


def test_a_later_generation_seen_after_the_end() -> None:
    def state(generation: int) -> Manifest:
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "observedGeneration": generation}
        return {"phase": "Succeeded", "observedGeneration": generation, "conditions": [ready]}

    assert told(TRAINING_JOBS, state(1), state(2)) == []


@pytest.mark.parametrize(
    ("resource", "before", "after"),
    [
        (TRAINING_JOBS, {"phase": "Succeeded"}, {"phase": "Running"}),
        (TRAINING_JOBS, {"phase": "Failed"}, {}),
        (TRAINING_JOBS, {"phase": "Succeeded", "modelVersion": "a"}, {"phase": "Succeeded", "modelVersion": "b"}),
        (EVALUATIONS, {"phase": "Succeeded", "verdict": "Fail"}, {"phase": "Succeeded", "verdict": "Pass"}),
        (PROMOTIONS, {"phase": "Superseded"}, {"phase": "Promoted"}),
        (
            PROMOTIONS,
            {"phase": "Rejected", "conditions": conditions(Ready=("False", "GateFailed"))},
            {"phase": "Rejected", "conditions": conditions(Ready=("True", "GateFailed"))},
        ),
    ],
)
def test_an_end_that_changes(resource: Resource, before: Manifest, after: Manifest) -> None:
    (violation,) = told(resource, before, after)
    assert "changed after the end" in violation


def test_a_spec_that_is_changed_after_the_end_is_told_and_changes_no_end() -> None:
    before = {"phase": "Succeeded", "conditions": conditions(Ready=("True", "Succeeded"))}
    after = {
        "phase": "Succeeded",
        "conditions": conditions(Ready=("True", "Succeeded"), SpecChangeIgnored=("True", "Finished")),
    }
    assert told(TRAINING_JOBS, before, after) == []
    assert told(TRAINING_JOBS, after, before) == []


def test_folders_whose_files_are_removed_are_added_after_the_end_and_stay() -> None:
    ends: list[Manifest] = [{"phase": "Failed", "removedFolders": folders} for folders in (["a"], ["a", "b"], ["b"])]
    assert told(TRAINING_JOBS, {"phase": "Failed"}, *ends[:2]) == []
    for lost in (ends[2], {"phase": "Failed"}):
        (violation,) = told(TRAINING_JOBS, ends[1], lost)
        assert "removedFolders lost a folder after the end" in violation


def test_a_new_object_of_the_same_name_begins_anew() -> None:
    story = Story()
    done = make(TRAINING_JOBS, "one", spec={}, status={"phase": "Succeeded"}, uid="first")
    story.put(TRAINING_JOBS, done)
    story.remove(TRAINING_JOBS, done)
    story.put(TRAINING_JOBS, make(TRAINING_JOBS, "one", spec={}, status={"phase": "Pending"}, uid="second"))
    assert list(check(story.history)) == []


VERIFIED = {"verifiedAt": "2026-01-01T00:00:00Z", "conditions": conditions(Ready=("True", "Verified"))}
REJECTED = changed(VERIFIED, phase={}) | {"conditions": conditions(Rejected=("True", "GateFailed"))}
CORRUPT = {"conditions": conditions(Stalled=("True", "ArtifactCorrupt"), Ready=("False", "ArtifactCorrupt"))}


def test_a_version_that_was_verified_and_then_rejected() -> None:
    assert told(MODEL_VERSIONS, {}, VERIFIED, REJECTED, REJECTED) == []


def test_a_version_that_passes_on_newer_rows_is_no_longer_rejected() -> None:
    passed = {"verdict": "Pass", "recentAfter": "2026-01-01T00:00:00Z"}
    assert told(MODEL_VERSIONS, REJECTED, {**VERIFIED, "gates": [passed]}) == []


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (VERIFIED, {**VERIFIED, "verifiedAt": "2026-01-02T00:00:00Z"}, "status.verifiedAt was"),
        (VERIFIED, {"conditions": VERIFIED["conditions"]}, "became None"),
        (REJECTED, VERIFIED, "was Rejected and no longer is"),
        (REJECTED, {**VERIFIED, "gates": [{"verdict": "Pass"}]}, "was Rejected and no longer is"),
        (CORRUPT, VERIFIED, "was stalled for good by ArtifactCorrupt, now says Verified"),
    ],
)
def test_what_was_found_of_a_version_changes(before: Manifest, after: Manifest, what: str) -> None:
    (violation,) = told(MODEL_VERSIONS, before, after)
    assert what in violation
