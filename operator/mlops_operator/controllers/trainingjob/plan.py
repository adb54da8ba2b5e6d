# SPDX-License-Identifier: Apache-2.0
"""What is done about a TrainingJob: attempt after attempt, each a new Job, until one succeeds or none is left.

The status is written when there is something to say: not for a Job that was just created and
will run in a moment. So a run costs three writes: its Job, `Running`, and its end.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from mlops_contract import ResultInvalidError
from mlops_operator.api.conditions import STALLED, is_true, parse_timestamp, timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import AttemptOutcome, DataWait, TrainingJobStatus, TrainingPhase, TrainingReason
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import evidence, jobs, lost_nodes, sidecars
from mlops_operator.controllers.shared.disruptions import Disruption, disruption
from mlops_operator.controllers.shared.owners import CHECK_AGAIN
from mlops_operator.controllers.shared.pending import GRACE, PATIENCE
from mlops_operator.controllers.trainingjob import status as say
from mlops_operator.controllers.trainingjob.environment import mounted_uris, output_uri
from mlops_operator.controllers.trainingjob.names import run_uid
from mlops_operator.controllers.trainingjob.observed import (
    Observed,
    count,
    ended,
    keep_finished_ranks,
    with_finished_ranks,
)
from mlops_operator.controllers.trainingjob.policies import (
    data,
    deadline,
    edits,
    limits,
    ranks,
    references,
    results,
    retry,
    startup,
    stopping,
    template,
    ttl,
)
from mlops_operator.controllers.trainingjob.policies.failure import Cause, cause, gone
from mlops_operator.controllers.trainingjob.policies.gate_data import declared_gate_data, gate_data
from mlops_operator.controllers.trainingjob.policies.removed import with_removed
from mlops_operator.controllers.trainingjob.policies.startup import Startup
from mlops_operator.controllers.trainingjob.registration import render_version, version_names
from mlops_operator.controllers.trainingjob.render import render_job, render_service
from mlops_operator.controllers.trainingjob.spec_digest import recorded_digest
from mlops_operator.controllers.trainingjob.transitions import events
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, SERVICES, TRAINING_JOBS
from mlops_operator.runtime.work.plan import Action, Create, Delete, Patch, Plan


def plan(obs: Observed, settings: Settings, now: datetime) -> Plan:
    """The plan for one observation."""
    if obs.finished:
        return _finished(obs, now)
    if obs.job is None:
        return _between_attempts(obs, settings, now)
    job = obs.job
    obs = with_finished_ranks(obs, job, settings)
    # Kubernetes also fails a Job for pods that were taken away after their results were complete.
    if jobs.ended(job) and obs.pods is not None and not ranks.missing(job, obs.pods):
        return _completed(obs, job, now)
    match jobs.job_phase(job):
        case jobs.JobPhase.SUCCEEDED:
            return _without_ranks(obs, now)
        case jobs.JobPhase.FAILED:
            return _failed(obs, now)
        case _:
            return _live(obs, job, now)


def telling(
    before: TrainingJobStatus,
    after: TrainingJobStatus,
    *,
    actions: tuple[Action, ...] = (),
    requeue_after: float | None = None,
    final: bool = False,
) -> Plan:
    """A plan that writes `after` and tells what is new in it."""
    return Plan(
        actions=actions,
        status=after.to_manifest(),
        requeue_after=requeue_after,
        events=events(before, after),
        final=final,
    )


# -- no Job: before the first attempt, or between two --------------------------------------------


def _between_attempts(obs: Observed, settings: Settings, now: datetime) -> Plan:
    if obs.made_before is not None:
        return _end(obs, say.restored(obs, now, obs.made_before), now)
    # Whatever ran is gone, so the clock of the running time stands still.
    obs = replace(obs, status=say.at_rest(obs.status, now))
    if problem := template.problem(obs.spec, mounted_uris(obs.obj, obs.spec, settings, obs.attempt)):
        return _tell(obs, say.blocked(obs.obj, obs.status, now, TrainingReason.INVALID_POD_TEMPLATE, problem))
    if obs.refused:
        return Plan()
    return _held_back(obs, settings, now) or _start(obs, settings, now)


def _held_back(obs: Observed, settings: Settings, now: datetime) -> Plan | None:
    """What keeps the next attempt from being made now, if anything."""
    spec, status = obs.spec, obs.status
    if obs.attempt and (over := _over(obs, status, now)) is not None:
        return over
    if spec.suspend:
        return _tell(obs, say.suspended(obs, now))
    if obs.attempt and retry.next_start(ended(status), now) > now:
        return _retry_later(obs, status, now)
    missing = references.missing(
        spec.model, obs.model, owner=obs.deleted_owner, awaited=obs.awaited, first=not status.attempts
    )
    if missing is not None:
        later = CHECK_AGAIN if missing[0] is TrainingReason.OWNER_NOT_FOUND else None
        return _tell(obs, say.held(obs.obj, status, now, *missing), requeue_after=later)
    output = output_uri(obs.obj, spec, settings, obs.attempt)
    if problem := declared_gate_data(spec, gate_data(obs.model), output):
        return _tell(obs, say.blocked(obs.obj, status, now, TrainingReason.GATE_DATA_DECLARED, problem))
    return None


def _over(obs: Observed, status: TrainingJobStatus, now: datetime) -> Plan | None:
    """The end, if the attempts or the running time are used up."""
    over = limits.exceeded(obs.spec, status, ended(status), now)
    return _end(obs, say.failed(obs.obj, status, now, *over), now) if over is not None else None


def _go_on(obs: Observed, status: TrainingJobStatus, now: datetime) -> Plan:
    """What follows an attempt that has ended and may be followed by another; `status` records its end."""
    if (over := _over(obs, status, now)) is not None:
        return over
    if obs.spec.suspend:
        return _tell(obs, say.suspended(replace(obs, status=status, job=None), now))
    return _retry_later(obs, status, now)


def _retry_later(obs: Observed, status: TrainingJobStatus, now: datetime) -> Plan:
    last = ended(status)[-1]
    start = retry.next_start(ended(status), now)
    if last.outcome == AttemptOutcome.DISRUPTED:
        reason, what = TrainingReason.DISRUPTED, "was disrupted"
        left = f"disruption {count(status, AttemptOutcome.DISRUPTED)} of at most {obs.spec.disruption_limit}"
    else:
        reason, what = TrainingReason.BACKING_OFF, "failed"
        left = f"failure {count(status, AttemptOutcome.FAILED)} of at most {obs.spec.backoff_limit}"
    message = (
        f"attempt {last.index} {what}: {limits.ending(last)}; attempt {last.index + 1} starts at {timestamp(start)}"
        f" ({left})"
    )
    waiting = say.retrying(obs.obj, status, now, reason=reason, message=message)
    return _tell(obs, waiting, requeue_after=max(0.0, (start - now).total_seconds()))


def _start(obs: Observed, settings: Settings, now: datetime) -> Plan:
    """The attempt's Job, and its Service where it has several replicas."""
    actions: list[Action] = [
        Create(resource=JOBS, manifest=render_job(obs.obj, obs.spec, settings, obs.attempt, model=obs.model)),
    ]
    if obs.spec.replicas > 1 and obs.service is None:
        actions.append(Create(resource=SERVICES, manifest=render_service(obs.obj, obs.service_name)))
    if obs.status.phase in (TrainingPhase.RUNNING, TrainingPhase.SUSPENDED) or is_true(obs.status.conditions, STALLED):
        # The attempt was suspended before it began, its Job was deleted while it ran, or was refused: no longer so.
        return _tell(obs, say.starting(obs, now), actions=tuple(actions))
    heard = not obs.status.written or obs.status.observed_generation == obs.generation
    return Plan(actions=tuple(actions), requeue_after=PATIENCE, final=heard)


# -- a live Job ---------------------------------------------------------------------------------


def _live(obs: Observed, job: Manifest, now: datetime) -> Plan:
    if (why := stopping.recorded(job)) is not None:
        return _stopping(obs, job, why, now)
    if obs.spec.suspend:
        halt = () if job["spec"].get("suspend") else (_suspend(job, suspended=True),)
        return _tell(obs, say.suspended(obs, now), actions=halt)
    if obs.status.running_since and deadline.exceeded(obs.spec.active_deadline_seconds, obs.status, now):
        return _stop_at_deadline(obs, job, now)
    repair = _missing_service(obs, job)
    if job["spec"].get("suspend"):
        return _resume(obs, job, repair, now)
    kept = keep_finished_ranks(obs, job)
    if stopping.suspected(job) and (why := stopping.found(job, obs.pods or ())) is not None:
        found = kept.to_manifest() if kept is not obs.status else None
        return Plan(actions=(Patch.of(JOBS, job, stopping.stop(why)),), status=found)
    return _at_work(replace(obs, status=kept), job, repair, now)


def _resume(obs: Observed, job: Manifest, repair: tuple[Action, ...], now: datetime) -> Plan:
    """The attempt goes on. If its spec was changed meanwhile, its Job is created anew, once no pod of it may run."""
    if not edits.outdated(job, obs.spec):
        actions = (_suspend(job, suspended=False), *repair)
        return _tell(obs, say.starting(obs, now), actions=actions, requeue_after=GRACE)
    if jobs.may_run(job):
        return _tell(obs, say.starting(obs, now), requeue_after=GRACE)
    return _tell(obs, say.anew(obs, now), actions=(Delete.of(JOBS, job),))


def _at_work(obs: Observed, job: Manifest, repair: tuple[Action, ...], now: datetime) -> Plan:
    """Nothing stops the attempt: it starts or runs."""
    look = startup.next_look(job, now)
    if obs.status.running_since is None:
        progress = startup.startup(job, obs.pods, now, obs.reads)
        if not progress.running:
            return _not_running(obs, progress, repair, requeue_after=look, now=now)
    elif (lost := lost_nodes.silent(obs.pods or (), follows=startup.IF_LOST)) is not None:
        return _tell(obs, say.pending(obs, now, lost), actions=repair, requeue_after=look)
    kept = sidecars.of_attempt(obs.pods or (), now)
    status = say.running(obs, now) if kept is None else say.kept_running(obs, now, kept)
    left = deadline.remaining(obs.spec.active_deadline_seconds, status, now)
    if sidecars.waited_for(obs.pods or ()):
        left = look if left is None else min(left, look)
    return telling(obs.status, status, actions=repair, requeue_after=left, final=obs.pods is None)


def _not_running(
    obs: Observed, progress: Startup, actions: tuple[Action, ...], *, requeue_after: float, now: datetime
) -> Plan:
    problem = progress.problem
    if problem is not None and obs.job is not None and edits.outdated(obs.job, obs.spec):
        # It never ran, and what keeps it may be what was corrected: the attempt begins anew.
        return _tell(obs, say.anew(obs, now), actions=(Delete.of(JOBS, obs.job),))
    if problem is not None and progress.reported:
        return _tell(obs, say.pending(obs, now, problem), actions=actions, requeue_after=requeue_after)
    if obs.status.written and obs.status.observed_generation != obs.generation:
        return _tell(obs, say.starting(obs, now), actions=actions, requeue_after=requeue_after)
    kept = obs.status.to_manifest() if obs.status.finished_ranks is not None else None
    return Plan(actions=actions, status=kept, requeue_after=requeue_after)


def _stopping(obs: Observed, job: Manifest, why: Disruption, now: datetime) -> Plan:
    """A pod was taken away: the attempt ends when the last of its pods has ended, with no pod left that may run."""
    if obs.pods is None:
        return Plan(requeue_after=evidence.LOOK_AGAIN)
    if stopping.over(job, obs.pods):
        return _disrupted(obs, why, now) if ranks.missing(job, obs.pods) else _completed(obs, job, now)
    late = lost_nodes.overdue(obs.pods, now)
    message = f"attempt {obs.attempt} is being stopped, since {why.message}; the next starts when its pods have ended"
    if late is not None:
        message = f"{message}; {late.message}"
    reason = late.reason if late is not None else TrainingReason.DISRUPTED
    status = say.stopping(replace(obs, status=keep_finished_ranks(obs, job)), now, reason, message)
    later = stopping.next_look(obs.pods, namespace=job["metadata"]["namespace"], now=now)
    return _tell(obs, status, requeue_after=later)


def _disrupted(obs: Observed, why: Disruption, now: datetime) -> Plan:
    """The attempt is over, and says nothing about the run."""
    return _go_on(obs, say.ended(obs, now, AttemptOutcome.DISRUPTED, reason=why.reason, message=why.message), now)


def _missing_service(obs: Observed, job: Manifest) -> tuple[Action, ...]:
    if obs.service is not None or jobs.ranks(job) == 1:
        return ()
    return (Create(resource=SERVICES, manifest=render_service(obs.obj, obs.service_name)),)


def _suspend(job: Manifest, *, suspended: bool) -> Patch:
    """Stops the Job's pods and keeps its record, or lets it go on."""
    return Patch.of(JOBS, job, {"spec": {"suspend": suspended}})


def _stop_at_deadline(obs: Observed, job: Manifest, now: datetime) -> Plan:
    message = f"{limits.running_time(obs.spec)}; attempt {obs.attempt} was stopped"
    stopped = say.ended(obs, now, AttemptOutcome.STOPPED, reason=TrainingReason.DEADLINE_EXCEEDED, message=message)
    halt = () if job["spec"].get("suspend") else (_suspend(job, suspended=True),)
    return _end(obs, say.failed(obs.obj, stopped, now, TrainingReason.DEADLINE_EXCEEDED, message), now, actions=halt)


# -- a Job that has ended -----------------------------------------------------------------------


def _failed(obs: Observed, now: datetime) -> Plan:
    assert obs.job is not None
    if (wait := data.waited_for(obs.status, obs.job)) is not None:
        return _look_for_data(obs, obs.job, wait, now, before=obs.status)
    if stopping.recorded(obs.job) is None and not evidence.conclusive(obs.job, obs.pods, now):
        return Plan(requeue_after=evidence.LOOK_AGAIN)
    why = cause(obs.job, obs.pods or ())
    if why.disrupted:
        return _disrupted(obs, Disruption(why.reason, why.message), now)
    if data.not_found(why) and (waiting := _wait_for_data(obs, obs.job, why, now)) is not None:
        return waiting
    status = say.ended(obs, now, AttemptOutcome.FAILED, reason=why.reason, message=why.message, exit_code=why.exit_code)
    if why.permanent is not None:
        message = f"attempt {obs.attempt} failed: {why}; not retried because the failure is permanent"
        return _end(obs, say.failed(obs.obj, status, now, why.permanent, message), now)
    return _go_on(obs, status, now)


def _wait_for_data(obs: Observed, job: Manifest, why: Cause, now: datetime) -> Plan | None:
    """The attempt is made again instead of counting; None where its data have been missing for too long."""
    end = evidence.end_of(job, now) or now
    wait = data.wait(obs.status.data_wait, job["metadata"]["uid"], end)
    limit = data.deadline_of(wait, obs.spec.data_deadline)
    if end >= limit:
        return None
    message = (
        f"attempt {obs.attempt} found no data; retried at {wait.next_time}: {why.message}; "
        f"it counts as failed from {timestamp(limit)} on (dataDeadline {obs.spec.data_deadline})"
    )
    held = say.held(obs.obj, say.without_data(obs, end, wait), now, TrainingReason.DATA_NOT_FOUND, message)
    return _look_for_data(replace(obs, status=held), job, wait, now, before=obs.status)


def _look_for_data(obs: Observed, job: Manifest, wait: DataWait, now: datetime, *, before: TrainingJobStatus) -> Plan:
    """The Job stays, with its logs, until it is time to make it again; a changed spec is tried at once."""
    again = (Delete.of(JOBS, job),)
    if obs.spec.suspend:
        return telling(before, say.suspended(obs, now), actions=again)
    if jobs.generation_of(job, obs.generation) != obs.generation:
        return telling(before, say.anew(obs, now), actions=again)
    left = (parse_timestamp(wait.next_time) - now).total_seconds()
    if left <= 0:
        return telling(before, obs.status, actions=again)
    return telling(before, obs.status, requeue_after=left)


def _without_ranks(obs: Observed, now: datetime) -> Plan:
    """A Job that succeeded, though nothing shows that each rank has finished."""
    assert obs.job is not None
    stopped = stopping.recorded(obs.job)
    if stopped is None and not evidence.conclusive(obs.job, obs.pods, now):
        return Plan(requeue_after=evidence.LOOK_AGAIN)
    pods = obs.pods or ()
    lost = ranks.missing(obs.job, pods)
    taken = (disruption(pod) for pod in pods if jobs.rank_of(pod) in lost)
    why = stopped or next((found for found in taken if found is not None), None)
    return _disrupted(obs, why or gone(obs.job, lost), now)


def _completed(obs: Observed, job: Manifest, now: datetime) -> Plan:
    """The end of an attempt of which each rank has finished: its result counts if it is valid."""
    pods = obs.pods or ()
    actions: tuple[Action, ...] = ()
    found: dict[str, Any] = {}
    try:
        result = results.reported(obs.spec, pods, uid=run_uid(obs.obj, obs.attempt))
        if result is not None:
            found = results.status_fields(result)
        if result is not None and obs.spec.model is not None:
            pod = jobs.first_replica(pods) or {}
            digests = {"inputs_digest": obs.inputs_digest, "spec_digest": recorded_digest(job)}
            version = render_version(obs.obj, obs.spec.model, result, pod, **digests)
            names = version_names(obs.obj, version)
            # Anyone may create a ModelVersion that names this training: only the rendered one counts.
            known = names.find(entry for entry in obs.versions.values() if names.is_child(version, entry))
            found["model_version"] = (known or version)["metadata"]["name"]
            if known is None:
                actions = (Create(resource=MODEL_VERSIONS, manifest=version),)
    except ResultInvalidError as error:
        message = f"attempt {obs.attempt} succeeded, but its result is invalid: {error}"
        status = say.ended(
            obs, now, AttemptOutcome.FAILED, reason=TrainingReason.RESULT_INVALID, message=str(error), exit_code=0
        )
        return _end(obs, say.failed(obs.obj, status, now, TrainingReason.RESULT_INVALID, message), now)
    termination = jobs.termination(pods)
    exit_code = termination.exit_code if termination is not None else 0
    status = say.ended(obs, now, AttemptOutcome.SUCCEEDED, exit_code=exit_code)
    return _end(obs, say.succeeded(obs.obj, status, now, **found), now, actions=actions)


# -- the end ------------------------------------------------------------------------------------


def _finished(obs: Observed, now: datetime) -> Plan:
    left = ttl.remaining(obs.spec.ttl_seconds_after_finished, obs.status.completion_time, now)
    if left == 0.0:
        return Plan(actions=(Delete.of(TRAINING_JOBS, obs.obj),))
    status = with_removed(obs.status, obs.obj["metadata"]["uid"], obs.model)
    return telling(obs.status, say.seen(obs.obj, status, now), requeue_after=left)


def _end(obs: Observed, status: TrainingJobStatus, now: datetime, *, actions: tuple[Action, ...] = ()) -> Plan:
    """Tells a final status; what is left then is the deletion, if there is to be one."""
    left = ttl.remaining(obs.spec.ttl_seconds_after_finished, status.completion_time, now)
    return telling(obs.status, status, actions=actions, requeue_after=left, final=True)


# -- words --------------------------------------------------------------------------------------


def _tell(
    obs: Observed,
    status: TrainingJobStatus,
    *,
    actions: tuple[Action, ...] = (),
    requeue_after: float | None = None,
) -> Plan:
    return telling(obs.status, status, actions=actions, requeue_after=requeue_after)
