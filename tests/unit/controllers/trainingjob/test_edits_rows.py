# SPDX-License-Identifier: Apache-2.0
"""Whether a change of the spec is ignored, over all that decides it."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import (
    Attempt,
    AttemptOutcome,
    RanSpec,
    TrainingJobSpec,
    TrainingJobStatus,
    TrainingPhase,
)
from mlops_operator.controllers.trainingjob.names import ANNOTATION_SPEC
from mlops_operator.controllers.trainingjob.policies import edits
from mlops_operator.controllers.trainingjob.spec_digest import spec_digest
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from tests.unit.controllers.builders import make

SPEC: dict[str, Any] = {"image": "example/train:1", "backoffLimit": 1}
PARSED = TrainingJobSpec.model_validate(SPEC)
RAN = RanSpec(attempt=spec_digest(PARSED))
OTHER = {**SPEC, "image": "example/train:2"}
OTHER_LIMIT = {**SPEC, "backoffLimit": 2}
WRONG = {**SPEC, "replicas": "two"}


def obj(spec: dict[str, Any], generation: int = 2) -> Manifest:
    return make(TRAINING_JOBS, "t", spec=spec, generation=generation)


def status(
    phase: TrainingPhase, *, ran: RanSpec | None = RAN, outcome: AttemptOutcome | None = None, attempts: int = 1
) -> TrainingJobStatus:
    made = tuple(Attempt(index=index, job=f"t-{index}", generation=1, outcome=outcome) for index in range(attempts))
    return TrainingJobStatus(phase=phase, ran_spec=ran, attempts=made)


RUNS = status(TrainingPhase.RUNNING)
ENDED = status(TrainingPhase.SUCCEEDED, outcome=AttemptOutcome.SUCCEEDED)
FINAL = RAN.model_copy(update={"final": edits.final_hash(PARSED)})


@pytest.mark.parametrize(
    ("changed", "before", "reason"),
    [
        (obj(OTHER), RUNS, "AttemptRunning"),
        (obj(WRONG), RUNS, "AttemptRunning"),
        (obj(SPEC), RUNS, None),
        (obj(OTHER, generation=1), RUNS, None),
        (obj(OTHER_LIMIT), RUNS, None),
        (obj(OTHER), status(TrainingPhase.RUNNING, ran=None), None),
        (obj(OTHER), status(TrainingPhase.PENDING, attempts=0), None),
        (obj(OTHER), status(TrainingPhase.RETRYING, outcome=AttemptOutcome.FAILED), None),
        (obj(OTHER), status(TrainingPhase.SUSPENDED), None),
        (obj(OTHER), ENDED, "Finished"),
        (obj(OTHER), status(TrainingPhase.FAILED, outcome=AttemptOutcome.FAILED), "Finished"),
        (obj(WRONG), ENDED, "Finished"),
        (obj(SPEC), ENDED, None),
        (obj(OTHER_LIMIT), ENDED, None),
        (obj(OTHER_LIMIT), ENDED.replace(ran_spec=FINAL), "Finished"),
        (obj(SPEC), ENDED.replace(ran_spec=FINAL), None),
        (obj(OTHER), ENDED.replace(ran_spec=FINAL), "Finished"),
        (obj({**SPEC, "suspend": True, "ttlSecondsAfterFinished": 9}), ENDED.replace(ran_spec=FINAL), None),
    ],
)
def test_a_change_is_ignored_where_no_attempt_will_have_it(
    changed: Manifest, before: TrainingJobStatus, reason: str | None
) -> None:
    found = list(edits.ignored(changed, before))
    assert [fact.reason for fact in found] == ([] if reason is None else [reason])


@pytest.mark.parametrize(("recorded", "outdated"), [(None, False), (RAN.attempt, False), ("sha256:other", True)])
def test_a_job_is_outdated_where_it_was_made_of_another_spec(recorded: str | None, outdated: bool) -> None:
    job = make(JOBS, "t-0", spec={})
    job["metadata"]["annotations"] = {ANNOTATION_SPEC: recorded} if recorded is not None else None
    assert edits.outdated(job, PARSED) is outdated


def test_what_is_kept_at_the_end() -> None:
    assert edits.at_the_end(obj(SPEC), RUNS) == FINAL
    assert edits.at_the_end(obj(WRONG), RUNS) == RAN
    assert edits.at_the_end(obj(SPEC), status(TrainingPhase.RUNNING, ran=None)) is None
