# SPDX-License-Identifier: Apache-2.0
"""A TrainingJob makes at most `backoffLimit` + 1 attempts, and what it has recorded of them stays."""

from collections.abc import Iterator

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from tests.faults.history import History
from tests.faults.invariants.steps import Step, by, label, parent_uid, status_of, steps


def check(history: History) -> Iterator[str]:
    """Every attempt too many, and every recorded one that changed."""
    limits: dict[str, int] = {}
    for step in steps(history, TRAINING_JOBS, JOBS):
        if step.change.resource == TRAINING_JOBS:
            limits[step.uid] = max(limits.get(step.uid, 0), _limit(step.object))
            yield from _recorded(step, limits[step.uid])
        elif step.before is None and (attempt := label(step.object, LABEL_ATTEMPT)) is not None:
            limit = limits.get(parent_uid(step.object))
            if limit is None:
                yield f"{step}: is an attempt of {parent_uid(step.object)}, which nobody has seen"
            elif int(attempt) > limit:
                yield f"{step}: is attempt {attempt}, counted from 0; backoffLimit was never above {limit}"


def _limit(obj: Manifest) -> int:
    limit: int = obj["spec"].get("backoffLimit", TrainingJobSpec.model_fields["backoff_limit"].default)
    return limit


def _recorded(step: Step, limit: int) -> Iterator[str]:
    if step.after is None:
        return
    now = by(status_of(step.after).get("attempts"), "index")
    if len(now) > limit + 1:
        yield f"{step}: records {len(now)} attempts; backoffLimit was never above {limit}"
    then = by(status_of(step.before).get("attempts"), "index") if step.before is not None else {}
    for index, former in then.items():
        found = now.get(index)
        if found is None:
            yield f"{step}: attempt {index} was recorded and is gone"
        elif former.get("outcome") is not None and found != former:
            yield f"{step}: attempt {index} had ended with {former} and became {found}"
    indexes = [int(index) for index in now]
    if indexes != sorted(indexes):
        yield f"{step}: attempts are not in their order: {indexes}"
