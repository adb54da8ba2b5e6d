"""What a RetrainPolicy does next: follow what it started, look at its signals, and decide on what fires.

A decision is written together with the Create of its TrainingJob, the Create first. If the
status is lost, the TrainingJob still carries the decision, and it is recorded then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mlops_operator.api.conditions import Outcome, stalled, timestamp, working
from mlops_operator.api.meta import Key
from mlops_operator.api.retrainpolicy import (
    MANUAL,
    Decision,
    PolicyPhase,
    PolicyReason,
    RetrainPolicyStatus,
    ScheduleStatus,
)
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.retrainpolicy.observed import Case, Observed
from mlops_operator.controllers.retrainpolicy.policies import schedule
from mlops_operator.controllers.retrainpolicy.policies.adopt import lost_starts
from mlops_operator.controllers.retrainpolicy.policies.firing import Firing
from mlops_operator.controllers.retrainpolicy.policies.follow import follow
from mlops_operator.controllers.retrainpolicy.policies.guards import cooldown_end, cooling_down, in_flight
from mlops_operator.controllers.retrainpolicy.policies.history import (
    last_completed,
    with_changed,
    with_skip,
    with_start,
)
from mlops_operator.controllers.retrainpolicy.policies.signal import SignalView, look
from mlops_operator.controllers.retrainpolicy.render import decision_child, render_promotion, render_training_job
from mlops_operator.controllers.retrainpolicy.status import events_between, final_status, held, outcome_of, phase_of
from mlops_operator.controllers.retrainpolicy.triggers import fired
from mlops_operator.kube.resources import MODEL_VERSIONS, PROMOTIONS, TRAINING_JOBS, Resource
from mlops_operator.runtime.plan import Action, Create, Plan


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one look has come to so far.

    Attributes:
        waits: seconds until something has to be looked at again; the shortest counts.
    """

    status: RetrainPolicyStatus
    actions: tuple[Action, ...] = ()
    waits: tuple[float, ...] = ()


def plan(obs: Observed, now: datetime) -> Plan:
    """The next step of a RetrainPolicy."""
    stopped = held(obs.status, generation=obs.generation)
    step = _follow(obs, _resume(obs, _adopt(obs), now), now, may_act=stopped is None)
    signals = _signals(obs, step.status)
    step = replace(step, status=step.status.replace(signals=tuple(view.status for view in signals.values())))
    problem = stopped or _problem(obs)
    if problem is None and not obs.spec.suspend and not _closes(obs, step.status):
        step = _decide(obs, step, signals, now)
    return _finish(obs, step, problem, now)


def _adopt(obs: Observed) -> Step:
    """Record the starts whose record was lost."""
    status = obs.status
    for decision in lost_starts(obs.carried, status.decisions, last_started=status.last_started):
        status = _started(status, decision)
    return Step(status=status)


def _resume(obs: Observed, step: Step, now: datetime) -> Step:
    """What the schedules would have started while the policy was suspended is not caught up."""
    if obs.spec.suspend or obs.status.phase != PolicyPhase.SUSPENDED:
        return step
    schedules = (entry.model_copy(update={"last": timestamp(now)}) for entry in step.status.schedules)
    return replace(step, status=step.status.replace(schedules=tuple(schedules)))


def _started(status: RetrainPolicyStatus, decision: Decision) -> RetrainPolicyStatus:
    """The status with a start, and with what it was started for done with."""
    changes: dict[str, object] = {
        "decisions": with_start(status.decisions, decision),
        "last_started": decision.time,
        "schedules": tuple(_done(entry, decision) for entry in status.schedules),
    }
    if decision.trigger == MANUAL:
        changes["handled_trigger"] = decision.moment
    return status.replace(**changes)


def _done(entry: ScheduleStatus, decision: Decision) -> ScheduleStatus:
    if entry.trigger != decision.trigger or entry.last >= decision.moment:
        return entry
    return entry.model_copy(update={"last": decision.moment})


def _follow(obs: Observed, step: Step, now: datetime, *, may_act: bool) -> Step:
    """Bring the decisions that are under way up to date."""
    for decision in step.status.decisions:
        case = obs.cases.get(decision.id)
        if case is not None:
            step = _follow_one(obs, step, decision, case, now, may_act=may_act)
    return step


def _follow_one(obs: Observed, step: Step, decision: Decision, case: Case, now: datetime, *, may_act: bool) -> Step:
    alias = obs.spec.promote.alias if obs.spec.promote is not None else None
    name = decision_child(obs.obj, decision) if alias is not None else None
    progress = follow(decision, case.training, case.version, case.promotion, promotion_name=name, now=now)
    waits = step.waits if progress.requeue_after is None else (*step.waits, progress.requeue_after)
    if progress.promote and not may_act:
        return replace(step, waits=waits)
    actions = step.actions
    if progress.promote and alias is not None:
        promotion = render_promotion(obs.obj, progress.decision, alias=alias)
        actions = (*actions, Create(resource=PROMOTIONS, manifest=promotion))
    decisions = with_changed(step.status.decisions, progress.decision)
    return Step(status=step.status.replace(decisions=decisions), actions=actions, waits=waits)


def _closes(obs: Observed, status: RetrainPolicyStatus) -> bool:
    """Whether this plan closes a decision.

    Nothing starts before that is written: if the status were lost after the next Create, two
    trainings would be under way as soon as what had ended turned out to go on.
    """
    under_way = {decision.id for decision in status.decisions if decision.open}
    return any(identity not in under_way for identity in obs.cases)


def _absences(obs: Observed, status: RetrainPolicyStatus) -> tuple[tuple[Resource, Key], ...]:
    """What is not there of the decisions that this plan closes: a record is closed for good."""
    namespace = obs.obj["metadata"]["namespace"]
    found: list[tuple[Resource, str | None]] = []
    for decision in status.decisions:
        case = obs.cases.get(decision.id)
        if case is None or decision.open:
            continue
        found += [(TRAINING_JOBS, decision.training_job)] if case.training is None else []
        found += [(MODEL_VERSIONS, decision.model_version)] if case.version is None else []
        found += [(PROMOTIONS, decision.promotion)] if case.promotion is None else []
    return tuple((resource, Key(namespace, name)) for resource, name in found if name is not None)


def _signals(obs: Observed, status: RetrainPolicyStatus) -> Mapping[str, SignalView]:
    since = last_completed(status.decisions)
    return {signal.name: look(signal, obs.monitors[signal.monitor], since=since) for signal in obs.spec.signals}


def _problem(obs: Observed) -> Outcome | None:
    """What keeps every trigger from starting anything."""
    for trigger in obs.spec.triggers:
        if trigger.cron is not None:
            try:
                schedule.check(trigger.cron)
            except schedule.InvalidScheduleError as error:
                return stalled(PolicyReason.INVALID_SCHEDULE, f"trigger {trigger.name}: {error}")
    if obs.aliases is None:
        return working(PolicyReason.MODEL_NOT_FOUND, f"Model {obs.spec.model} does not exist")
    if obs.spec.promote is not None and obs.spec.promote.alias not in obs.aliases:
        message = f"Model {obs.spec.model} has no alias {obs.spec.promote.alias}"
        return working(PolicyReason.ALIAS_NOT_FOUND, message)
    return None


def _decide(obs: Observed, step: Step, signals: Mapping[str, SignalView], now: datetime) -> Step:
    """Start or skip what fires."""
    found = fired(obs, step.status, signals, now)
    step = replace(step, status=step.status.replace(schedules=found.schedules))
    for firing in found.firings:
        step = _decide_one(obs, step, firing, now)
    crons = (trigger.cron for trigger in obs.spec.triggers if trigger.cron is not None)
    moments = (schedule.next_moment(cron, now) for cron in crons)
    waits = [(moment - now).total_seconds() for moment in moments if moment is not None]
    return replace(step, waits=(*step.waits, *waits))


def _decide_one(obs: Observed, step: Step, firing: Firing, now: datetime) -> Step:
    status = step.status
    decision = firing.started(policy_uid=obs.uid, now=now)
    if any(known.id == decision.id for known in status.decisions):
        return step  # it has started what it fires for
    cooldown = seconds(obs.spec.guard.cooldown)
    objection = in_flight(status.decisions)
    waits = step.waits
    if objection is None and not firing.manual:
        objection = cooling_down(status.last_started, cooldown=cooldown, now=now)
        end = cooldown_end(status.last_started, cooldown=cooldown)
        if objection is not None and end is not None:
            waits = (*waits, (end - now).total_seconds())
    if objection is not None:
        skip = firing.skipped(objection, policy_uid=obs.uid, now=now)
        decisions = with_skip(status.decisions, skip, now=now)
        return Step(status=status.replace(decisions=decisions), actions=step.actions, waits=waits)
    decision = decision.model_copy(update={"training_job": decision_child(obs.obj, decision)})
    create = Create(resource=TRAINING_JOBS, manifest=render_training_job(obs.obj, decision))
    return Step(status=_started(status, decision), actions=(*step.actions, create), waits=waits)


def _finish(obs: Observed, step: Step, problem: Outcome | None, now: datetime) -> Plan:
    phase = phase_of(step.status, suspended=obs.spec.suspend)
    outcome = problem or _in_the_way(obs, step.status) or outcome_of(step.status, phase)
    status = final_status(step.status, phase, outcome, generation=obs.generation, now=now)
    return Plan(
        actions=step.actions,
        absences=_absences(obs, status),
        status=status.to_manifest(),
        requeue_after=min(step.waits, default=None),
        events=events_between(obs.status, status),
    )


def _in_the_way(obs: Observed, status: RetrainPolicyStatus) -> Outcome | None:
    """What a person should mend, though not everything waits for it."""
    under_way = {decision.id for decision in status.decisions if decision.open}
    for identity, case in obs.cases.items():
        if identity in under_way and case.training is not None and case.training.stalled:
            return stalled(PolicyReason.TRAINING_STALLED, case.training.stalled)
    missing = sorted(name for name, monitor in obs.monitors.items() if not monitor.found)
    if missing and not obs.spec.suspend:
        return working(PolicyReason.MONITOR_NOT_FOUND, f"ModelMonitor {', '.join(missing)} does not exist")
    return None
