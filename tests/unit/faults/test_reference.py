# SPDX-License-Identifier: Apache-2.0
import pytest

from mlops_operator.kube.resources import JOBS, PODS
from tests.faults.oracles import Reference, State, UnstableReferenceError, compare, creations
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story

ONE = State({"jobs/job-#": {"spec.a": 1, "status.seconds": 7}, "pods": {"of jobs/job-#: Failed": 1}})
TWO = State({"jobs/job-#": {"spec.a": 1, "status.seconds": 8}, "pods": {}})
COUNTS = {"create jobs/job-#": 1}


def reference() -> Reference:
    return Reference.of([ONE, TWO], [COUNTS, COUNTS])


def test_what_varies_without_faults_is_masked() -> None:
    found = reference()
    assert found.masked == {("jobs/job-#", "status.seconds"), ("pods", "of jobs/job-#: Failed")}
    other = State({"jobs/job-#": {"spec.a": 1}, "pods": {"of jobs/job-#: Failed": 5}})
    assert found.differences(other, COUNTS) == []


def test_every_other_difference_is_told() -> None:
    other = State({"jobs/job-#": {"spec.a": "1", "spec.b": True}, "jobs/job-#~2": {}, "pods": {}})
    assert reference().differences(other, {"create jobs/job-#": 2, "delete jobs/job-#": 1}) == [
        'jobs/job-# spec.a: expected 1, found "1"',
        "jobs/job-# spec.b: expected nothing, found true",
        "jobs/job-#~2: expected no such object, found one",
        "create jobs/job-#: expected 1 times, found 2",
        "delete jobs/job-#: expected 0 times, found 1",
    ]


def test_a_missing_object() -> None:
    assert reference().differences(State({"pods": {}}), None) == ["jobs/job-#: expected this object, found none"]


def test_a_value_that_is_gone() -> None:
    other = State({"jobs/job-#": {"status.seconds": 7}, "pods": {}})
    assert reference().differences(other, None) == ["jobs/job-# spec.a: expected 1, found nothing"]


def test_counts_are_compared_where_they_are_given() -> None:
    assert reference().differences(ONE, None) == []
    assert reference().differences(ONE, {}) == ["create jobs/job-#: expected 1 times, found 0"]


def test_counts_that_vary_without_faults_are_masked() -> None:
    found = Reference.of([ONE, ONE, ONE], [COUNTS, COUNTS, {"create jobs/job-#": 2}])
    assert found.masked == {("", "create jobs/job-#")}
    assert found.differences(ONE, {"create jobs/job-#": 9}) == []


def test_an_object_that_is_not_in_all_runs() -> None:
    with pytest.raises(UnstableReferenceError, match="jobs/job-# is there at the end of 2 of 3 runs"):
        Reference.of([ONE, ONE, State({"pods": {}})], [COUNTS] * 3)


@pytest.mark.parametrize("states", [[], [ONE], [ONE, TWO, ONE]])
def test_a_reference_needs_two_whole_runs(states: list[State]) -> None:
    with pytest.raises(ValueError, match="expected two runs or more"):
        Reference.of(states, [COUNTS] * min(2, len(states)))


def test_a_reference_is_read_as_it_was_written() -> None:
    assert Reference.from_json(reference().to_json()) == reference()


def test_a_state_is_compared_with_a_former_one() -> None:
    assert compare(ONE, ONE) == []
    assert len(compare(ONE, TWO)) == 2
    assert compare(ONE, TWO, masked={("pods", "of jobs/job-#: Failed"), ("jobs/job-#", "status.seconds")}) == []


def test_a_long_value_is_cut() -> None:
    (difference,) = compare(State({"a": {"x": "y" * 1000}}), State({"a": {}}))
    assert len(difference) < 400


def test_creations_and_deletions_are_counted_by_masked_names() -> None:
    story = Story()
    for uid in ("a", "b"):
        job = make(JOBS, "job-aaaaaaaa", uid=uid)
        story.put(JOBS, job)
        story.put(JOBS, job)
        story.remove(JOBS, job)
    story.put(JOBS, make(JOBS, "job-bbbbbbbb", uid="c"))
    story.put(PODS, make(PODS, "job-aaaaaaaa-x7k2p"))
    assert creations(story.history) == {
        "create jobs/job-#": 2,
        "delete jobs/job-#": 2,
        "create jobs/job-#~2": 1,
    }
