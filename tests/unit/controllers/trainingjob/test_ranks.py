# SPDX-License-Identifier: Apache-2.0
"""Which ranks have ended well, and what is kept of them."""

from typing import Any

import pytest

from mlops_contract import MAX_RESULT_BYTES
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import FinishedRanks, TrainingJobStatus
from mlops_operator.controllers.trainingjob.inputs import Image
from mlops_operator.controllers.trainingjob.policies import ranks
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import later, make, pod_of, terminated
from tests.unit.controllers.lost import deleted

DISRUPTED = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}


def job(completions: int | None = 3, **status: Any) -> Manifest:
    spec = {"completions": completions} if completions is not None else {}
    return {**make(JOBS, "t-0", spec=spec), "status": status}


def rank(index: int, phase: str = "Succeeded", message: str = "", **changes: Any) -> Manifest:
    return pod_of(job(), index=index, phase=phase, main=terminated(message, finished=later(5)), **changes)


def test_a_rank_has_ended_well_by_itself_or_not_at_all() -> None:
    pods = [
        rank(0),
        rank(1, "Running"),
        rank(2, conditions=[DISRUPTED]),
        rank(3, "Failed"),
        deleted(rank(4), later(3), grace=0),
        rank(1, "Failed"),
    ]
    assert ranks.finished(pods) == {0}
    assert ranks.missing(job(), pods) == [1, 2]


@pytest.mark.parametrize(
    ("completions", "succeeded", "indexes", "attempt", "unseen"),
    [
        (3, None, None, 0, False),
        (3, 0, "", 0, False),
        (3, 1, None, 0, True),
        (3, 1, "", 0, True),
        (3, 1, "2", 0, False),
        (3, 2, "2", 0, True),
        (3, 1, "2", 1, True),
        (2, 1, "", 0, True),
        (1, 1, "", 0, False),
        (None, 1, "", 0, False),
    ],
)
def test_of_a_job_of_several_each_rank_that_ends_is_looked_at(
    completions: int | None, succeeded: int | None, indexes: str | None, attempt: int, unseen: bool
) -> None:
    record = FinishedRanks(attempt=0, indexes=indexes) if indexes is not None else None
    counts = {"succeeded": succeeded} if succeeded is not None else {}
    assert ranks.unseen(job(completions, **counts), TrainingJobStatus(finished_ranks=record), attempt) is unseen


@pytest.mark.parametrize(
    ("text", "found"),
    [("", []), ("0", [0]), ("0,2-4", [0, 2, 3, 4]), ("1-2", [1, 2]), ("0-1,3,5-6", [0, 1, 3, 5, 6])],
)
def test_ranks_are_written_as_intervals(text: str, found: list[int]) -> None:
    assert ranks.intervals(reversed(found)) == text
    assert ranks.indexes(FinishedRanks(attempt=0, indexes=text)) == set(found)


def test_without_a_record_no_rank_is_known() -> None:
    assert ranks.indexes(None) == frozenset()
    assert ranks.remembered(job(), None, [], ()) == ()


def test_what_rank_0_reported_is_kept_with_its_image() -> None:
    image = Image("example/train@sha256:a", "example/train:1")
    first = ranks.keep(1, [rank(0, message="result"), rank(2)], image=image, inputs_digest=None)
    assert (first.attempt, first.indexes, first.result) == (1, "0,2", "result")
    assert (first.image, first.image_name) == ("example/train@sha256:a", "example/train:1")
    other = ranks.keep(1, [rank(2, message="other")], image=image, inputs_digest=None)
    assert (other.indexes, other.result, other.image) == ("2", "", "")
    bare = ranks.keep(1, [rank(0)], image=Image(None, None), inputs_digest=None)
    assert (bare.image, bare.image_name) == ("", "")


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("x" * MAX_RESULT_BYTES, "x" * MAX_RESULT_BYTES),
        ("x" * (MAX_RESULT_BYTES + 1), "x" * MAX_RESULT_BYTES),
        ("a  b", "a  b"),
        (f"a  b{'x' * (MAX_RESULT_BYTES - 4)}", f"a  b{'x' * (MAX_RESULT_BYTES - 4)}"),
        ("a\nb", "a b"),
    ],
)
def test_what_rank_0_reported_is_kept_on_one_line(message: str, kept: str) -> None:
    assert ranks.keep(0, [rank(0, message=message)], image=Image(None, None), inputs_digest=None).result == kept


def test_ranks_whose_pods_are_gone_have_stand_ins() -> None:
    record = FinishedRanks(attempt=0, indexes="0-2", result="result", image="i@sha256:a", image_name="i:1")
    found = ranks.remembered(job(), record, [rank(1)], [{"name": "A", "value": "b"}])
    assert [pod["metadata"]["name"] for pod in found] == ["t-0-0", "t-0-2"]
    messages = [pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"] for pod in found]
    assert messages == ["result", ""]
    assert ranks.finished(found) == {0, 2}
