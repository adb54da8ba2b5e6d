# SPDX-License-Identifier: Apache-2.0
"""The status of a TrainingJob in each of its states. Every function gives the complete status."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from mlops_contract.text import clean
from mlops_operator.api.common import DataRead, Waiting
from mlops_operator.api.conditions import (
    Fact,
    Outcome,
    Truth,
    contract,
    ready,
    stalled,
    timestamp,
    transition,
    working,
)
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionSpec
from mlops_operator.api.trainingjob import (
    COMPLETE,
    FAILED,
    SPEC_CHANGE_IGNORED,
    ArtifactStatus,
    Attempt,
    AttemptOutcome,
    DataWait,
    TrainingJobStatus,
    TrainingPhase,
    TrainingReason,
)
from mlops_operator.controllers.shared import evidence, jobs
from mlops_operator.controllers.shared.log_command import with_log_command
from mlops_operator.controllers.shared.pending import PodProblem
from mlops_operator.controllers.trainingjob.environment import recorded_output
from mlops_operator.controllers.trainingjob.observed import Observed
from mlops_operator.controllers.trainingjob.policies import deadline, edits
from mlops_operator.framework.waiting import wait_for

MAX_REASON: Final = 128
"""Longest reason the schema takes in `attempts`; a run may give any word."""


def say(
    obj: Manifest,
    status: TrainingJobStatus,
    now: datetime,
    *,
    phase: TrainingPhase,
    outcome: Outcome,
    facts: Iterable[Fact] = (),
    waiting: Waiting | None = None,
    **changes: Any,
) -> TrainingJobStatus:
    """`status` with these changes, and the conditions that follow from the outcome."""
    generation = obj["metadata"]["generation"]
    after = status.replace(observed_generation=generation, phase=phase.value, waiting=waiting, **changes)
    every = (*edits.ignored(obj, after), *facts)
    conditions = contract(status.conditions, outcome, generation=generation, now=now, facts=every)
    return after.replace(conditions=conditions)


# -- the attempt at work -----------------------------------------------------------------------


def _at_work(obs: Observed, **changes: Any) -> dict[str, Any]:
    """The fields that speak of the live attempt, from its Job, since the spec may have moved on."""
    assert obs.job is not None
    metadata = obs.job["metadata"]
    known = next((entry for entry in obs.status.attempts if entry.index == obs.attempt), None)
    # Also of a known attempt: its Job may have been made again since, from a later spec.
    made = {
        "job": metadata["name"],
        "generation": jobs.generation_of(obs.job, obs.generation),
        "output": recorded_output(obs.obj, obs.job, obs.attempt),
    }
    attempt = known.replace(**made) if known else Attempt(index=obs.attempt, **made)
    return {
        "attempt": obs.attempt,
        "attempts": _with(obs.status.attempts, attempt.replace(**changes)),
        "ran_spec": edits.created_from(obs.job),
    }


def _with(attempts: tuple[Attempt, ...], attempt: Attempt) -> tuple[Attempt, ...]:
    return (*(entry for entry in attempts if entry.index != attempt.index), attempt)


def at_rest(status: TrainingJobStatus, now: datetime) -> TrainingJobStatus:
    """The status with the clock of the running time stopped."""
    return status.replace(running_since=None, ran_seconds=round(deadline.ran(status, now)))


def starting(obs: Observed, now: datetime) -> TrainingJobStatus:
    """The attempt's Job is there or on its way; nothing keeps it as far as is known."""
    outcome = working(TrainingReason.STARTING, f"attempt {obs.attempt} is starting")
    work = _at_work(obs) if obs.job is not None else {"attempt": obs.attempt}
    return say(obs.obj, at_rest(obs.status, now), now, phase=TrainingPhase.PENDING, outcome=outcome, **work)


def anew(obs: Observed, now: datetime) -> TrainingJobStatus:
    """The attempt's Job is deleted and created again, from the present spec."""
    return starting(replace(obs, status=obs.status.replace(ran_spec=None, finished_ranks=None), job=None), now)


def pending(obs: Observed, now: datetime, problem: PodProblem) -> TrainingJobStatus:
    """The attempt does not start, or not all of its ranks run any more, for this reason."""
    waiting = wait_for(obs.status.waiting, now, problem.reason, problem.message, about=problem.about)
    return say(
        obs.obj,
        obs.status,
        now,
        phase=TrainingPhase.PENDING,
        outcome=working(waiting.reason, waiting.message),
        waiting=waiting,
        **(_at_work(obs) if obs.job is not None else {}),
    )


def running(obs: Observed, now: datetime) -> TrainingJobStatus:
    """All ranks of the attempt run; the clock of the running time goes."""
    assert obs.job is not None
    replicas = jobs.ranks(obs.job)
    pods = f" in {replicas} pods" if replicas > 1 else ""
    moment = timestamp(now)
    known = next((entry for entry in obs.status.attempts if entry.index == obs.attempt), None)
    return say(
        obs.obj,
        obs.status,
        now,
        phase=TrainingPhase.RUNNING,
        outcome=working(TrainingReason.RUNNING, f"attempt {obs.attempt} is running{pods}"),
        start_time=obs.status.start_time or moment,
        running_since=obs.status.running_since or moment,
        **_at_work(obs, start_time=(known.start_time if known else None) or moment),
    )


def kept_running(obs: Observed, now: datetime, problem: PodProblem) -> TrainingJobStatus:
    """The attempt runs on for no other reason than this."""
    waiting = wait_for(obs.status.waiting, now, problem.reason, problem.message)
    outcome = working(waiting.reason, waiting.message)
    work = _at_work(obs)
    return say(obs.obj, obs.status, now, phase=TrainingPhase.RUNNING, outcome=outcome, waiting=waiting, **work)


def suspended(obs: Observed, now: datetime) -> TrainingJobStatus:
    """Suspended by its spec."""
    message = "spec.suspend is true: no pod runs until it is false"
    return say(
        obs.obj,
        at_rest(obs.status, now),
        now,
        phase=TrainingPhase.SUSPENDED,
        outcome=working(TrainingReason.SUSPENDED, message),
        **(_at_work(obs) if obs.job is not None else {}),
    )


# -- an attempt's end --------------------------------------------------------------------------


def ended(
    obs: Observed,
    now: datetime,
    outcome: AttemptOutcome,
    *,
    reason: str = "",
    message: str = "",
    exit_code: int | None = None,
) -> TrainingJobStatus:
    """The status with the attempt at work recorded as ended; its phase and conditions are still the former ones."""
    assert obs.job is not None
    termination = jobs.termination(obs.pods or ())
    end = evidence.end_of(obs.job, now) or now
    started = obs.status.running_since or (termination.started_at if termination else None)
    work = _at_work(
        obs,
        start_time=_start_of(obs) or started,
        completion_time=timestamp(end),
        outcome=outcome,
        reason=reason[:MAX_REASON],
        message=clean(message),
        exit_code=exit_code,
    )
    outcomes = [entry.outcome for entry in work["attempts"]]
    return at_rest(obs.status.replace(running_since=started), end).replace(
        start_time=obs.status.start_time or started,
        finished_ranks=None,
        data_wait=obs.status.data_wait if reason == TrainingReason.DATA_NOT_FOUND else None,
        inputs_digest=obs.inputs_digest,
        failures=outcomes.count(AttemptOutcome.FAILED),
        disruptions=outcomes.count(AttemptOutcome.DISRUPTED),
        **work,
    )


def without_data(obs: Observed, end: datetime, wait: DataWait) -> TrainingJobStatus:
    """The attempt found no data at `end` and is made again; its phase and conditions are still the former ones."""
    return at_rest(obs.status, end).replace(finished_ranks=None, data_wait=wait, **_at_work(obs, start_time=None))


def _start_of(obs: Observed) -> str | None:
    return next((entry.start_time for entry in obs.status.attempts if entry.index == obs.attempt), None)


def retrying(
    obj: Manifest, status: TrainingJobStatus, now: datetime, *, reason: TrainingReason, message: str
) -> TrainingJobStatus:
    """An attempt failed or was disrupted and the next one waits for its time."""
    if reason == TrainingReason.BACKING_OFF:
        message = with_log_command(message, obj)
    return say(obj, status, now, phase=TrainingPhase.RETRYING, outcome=working(reason, message))


def stopping(obs: Observed, now: datetime, reason: str, message: str) -> TrainingJobStatus:
    """A pod of the attempt was taken away, and its pods are being stopped."""
    return say(
        obs.obj,
        obs.status,
        now,
        phase=TrainingPhase.RETRYING,
        outcome=working(reason, message),
        **_at_work(obs),
    )


def succeeded(obj: Manifest, status: TrainingJobStatus, now: datetime, **result: Any) -> TrainingJobStatus:
    """The end, well: what the run reported is in `result`."""
    message = f"attempt {status.attempt} succeeded{_figures(result.get('metrics') or {})}"
    return say(
        obj,
        status,
        now,
        phase=TrainingPhase.SUCCEEDED,
        outcome=ready(TrainingReason.SUCCEEDED, message),
        facts=(Fact(COMPLETE, Truth.TRUE, TrainingReason.SUCCEEDED, message),),
        completion_time=_last_end(status, now),
        ran_spec=edits.at_the_end(obj, status),
        **result,
    )


def restored(obs: Observed, now: datetime, version: Manifest) -> TrainingJobStatus:
    """The end without an attempt: `version` is what the run made before its TrainingJob was restored from a backup."""
    name, spec = version["metadata"]["name"], ModelVersionSpec.model_validate(version["spec"])
    artifact = spec.artifact
    message = (
        f"ModelVersion {name} was made by a TrainingJob with this name and spec, so this one does not run; to train"
        " again, create a TrainingJob with another name"
    )
    return say(
        obs.obj,
        obs.status,
        now,
        phase=TrainingPhase.SUCCEEDED,
        outcome=ready(TrainingReason.RESTORED, message),
        facts=(Fact(COMPLETE, Truth.TRUE, TrainingReason.RESTORED, message),),
        completion_time=timestamp(now),
        model_version=name,
        metrics=spec.lineage.metrics,
        inputs_digest=spec.lineage.inputs_digest,
        artifacts=(
            ArtifactStatus(
                name="model", uri=artifact.uri, digest=artifact.digest, format=artifact.format, size=artifact.size
            ),
        ),
        data=tuple(
            DataRead(name=entry.name, digest=entry.digest) for entry in spec.lineage.data if entry.digest is not None
        ),
    )


def failed(
    obj: Manifest, status: TrainingJobStatus, now: datetime, reason: TrainingReason, message: str
) -> TrainingJobStatus:
    """The end, badly."""
    message = with_log_command(message, obj)
    return say(
        obj,
        status,
        now,
        phase=TrainingPhase.FAILED,
        outcome=stalled(reason, message),
        facts=(Fact(FAILED, Truth.TRUE, reason, message),),
        completion_time=_last_end(status, now),
        running_since=None,
        ran_spec=edits.at_the_end(obj, status),
    )


def _last_end(status: TrainingJobStatus, now: datetime) -> str:
    last = status.attempts[-1] if status.attempts else None
    return (last.completion_time if last else None) or timestamp(now)


def _figures(metrics: dict[str, float]) -> str:
    """The first metrics, for people; all of them are in the status."""
    shown = [f"{name}={value:.4g}" for name, value in sorted(metrics.items())[:3]]
    return f": {', '.join(shown)}" if shown else ""


# -- what keeps it -----------------------------------------------------------------------------


def blocked(
    obj: Manifest, status: TrainingJobStatus, now: datetime, reason: TrainingReason, message: str
) -> TrainingJobStatus:
    """A person has to change something; a changed spec is tried again, so this is not the end."""
    return say(obj, status, now, phase=TrainingPhase.PENDING, outcome=stalled(reason, message))


def held(
    obj: Manifest, status: TrainingJobStatus, now: datetime, reason: TrainingReason, message: str
) -> TrainingJobStatus:
    """Something outside keeps it and may stop doing so."""
    waiting = wait_for(status.waiting, now, reason, message)
    outcome = working(waiting.reason, waiting.message)
    return say(obj, status, now, phase=TrainingPhase.PENDING, outcome=outcome, waiting=waiting)


def seen(obj: Manifest, status: TrainingJobStatus, now: datetime) -> TrainingJobStatus:
    """A final status that has seen a later spec: the end stays as it was, and a change of the spec is reported."""
    generation = obj["metadata"]["generation"]
    if status.observed_generation == generation:
        return status
    kept = (
        Fact(entry.type, entry.status, entry.reason, entry.message)
        for entry in status.conditions
        if entry.type != SPEC_CHANGE_IGNORED
    )
    facts = (*edits.ignored(obj, status), *kept)
    conditions = transition(status.conditions, facts, generation=generation, now=now)
    return status.replace(observed_generation=generation, conditions=conditions)
