# SPDX-License-Identifier: Apache-2.0
"""Changes of the spec that do not apply to what runs or has run, and what a user can do about them.

A Job's pods cannot be changed, so an attempt keeps the spec that it was created from. Generations do not tell whether
that spec was changed: suspending changes them as well. Hence the digests.
"""

from collections.abc import Iterator
from typing import Final

from mlops_operator.api.conditions import Fact, Truth
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import (
    SPEC_CHANGE_IGNORED,
    RanSpec,
    TrainingJobSpec,
    TrainingJobStatus,
    TrainingPhase,
    TrainingReason,
)
from mlops_operator.controllers.shared.naming import short_hash
from mlops_operator.controllers.trainingjob.spec_digest import AFTER_THE_END, recorded_digest, spec_digest, spec_text
from mlops_operator.framework.specs import InvalidSpecError, parse_spec

_ENDED: Final = frozenset({TrainingPhase.SUCCEEDED, TrainingPhase.FAILED})


def final_hash(spec: TrainingJobSpec) -> str:
    """Hash of the fields that do not apply any more after the end."""
    return short_hash(spec_text(spec, without=AFTER_THE_END))


def outdated(job: Manifest, spec: TrainingJobSpec) -> bool:
    """Whether `spec` would make another attempt than `job` is; False where the Job does not say what it was made of."""
    return recorded_digest(job) not in (None, spec_digest(spec))


def created_from(job: Manifest) -> RanSpec | None:
    """What is kept of the spec that `job` was created from."""
    recorded = recorded_digest(job)
    return RanSpec(attempt=recorded) if recorded is not None else None


def at_the_end(obj: Manifest, status: TrainingJobStatus) -> RanSpec | None:
    """What is kept of the spec when the TrainingJob ends; None where it is not known what the last attempt was."""
    spec = _spec(obj)
    if status.ran_spec is None or spec is None:
        return status.ran_spec
    return status.ran_spec.replace(final=final_hash(spec))


def ignored(obj: Manifest, status: TrainingJobStatus) -> Iterator[Fact]:
    """The condition that reports a change that does not apply; none where there is no such change."""
    ran, last = status.ran_spec, status.attempts[-1] if status.attempts else None
    generation = int(obj["metadata"]["generation"])
    if ran is None or last is None or generation == last.generation:
        return
    ended = status.phase in _ENDED
    if not ended and (last.outcome is not None or status.phase == TrainingPhase.SUSPENDED):
        return  # the present spec applies to the next attempt, or to this one when it is resumed
    spec = _spec(obj)
    changed = spec is None or ran.attempt != spec_digest(spec)
    if ended and spec is not None:
        changed = changed or ran.final not in ("", final_hash(spec))
    if not changed:
        return
    ran_with = (
        f"attempt {last.index} was created from the spec of generation {last.generation}, which is now {generation}"
    )
    if ended:
        message = (
            f"spec: a change does not apply, since the TrainingJob has ended ({ran_with}); create another TrainingJob "
            "with the changed spec"
        )
        yield Fact(SPEC_CHANGE_IGNORED, Truth.TRUE, TrainingReason.FINISHED, message)
        return
    message = (
        f"spec: a change does not apply to the attempt that runs ({ran_with}); to restart the attempt with the "
        "changed spec, set spec.suspend to true, and then to false"
    )
    yield Fact(SPEC_CHANGE_IGNORED, Truth.TRUE, TrainingReason.ATTEMPT_RUNNING, message)


def _spec(obj: Manifest) -> TrainingJobSpec | None:
    try:
        return parse_spec(TrainingJobSpec, obj)
    except InvalidSpecError:
        return None
