# SPDX-License-Identifier: Apache-2.0
"""What a RetrainPolicy does next: follow what it started, look at its signals, and decide on what fires.

A decision is written together with the Create of its TrainingJob, the Create first. If the
status is lost, the TrainingJob still carries the decision, and it is recorded then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mlops_operator.api.conditions import Outcome, stalled, timestamp, working
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.retrainpolicy import (
    Decision,
    DecisionReason,
    DecisionResult,
    PolicyPhase,
    PolicyReason,
    RetrainPolicyStatus,
    ScheduleStatus,
)
from mlops_operator.api.retraintrigger import MANUAL
from mlops_operator.controllers.retrainpolicy.observed import Case, Observed
from mlops_operator.controllers.retrainpolicy.policies import schedule
from mlops_operator.controllers.retrainpolicy.policies.adopt import lost_starts
from mlops_operator.controllers.retrainpolicy.policies.budget import next_change, recent, with_recent_start
from mlops_operator.controllers.retrainpolicy.policies.failures import reset, with_results
from mlops_operator.controllers.retrainpolicy.policies.firing import Firing
from mlops_operator.controllers.retrainpolicy.policies.follow import follow
from mlops_operator.controllers.retrainpolicy.policies.guards import Objection, circuit, circuit_end, objection
from mlops_operator.controllers.retrainpolicy.policies.history import (
    last_completed,
    with_changed,
    with_skip,
    with_start,
)
from mlops_operator.controllers.retrainpolicy.policies.hold import Author, held_by
from mlops_operator.controllers.retrainpolicy.policies.manual import pending_value
from mlops_operator.controllers.retrainpolicy.policies.signal import SignalView, look
from mlops_operator.controllers.retrainpolicy.render import decision_child, render_promotion, render_training_job
from mlops_operator.controllers.retrainpolicy.status import outcome_of, phase_of
from mlops_operator.controllers.retrainpolicy.triggers import fired
from mlops_operator.framework.finding import Decision as PlanDecision
from mlops_operator.framework.finding import Finding
from mlops_operator.framework.rejections import standing_refusal
from mlops_operator.framework.status import changes_between
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS, TRAINING_JOBS, Resource
from mlops_operator.runtime.work.plan import Action, Create


@dataclass(frozen=True, kw_only=True)
class Step:
    """Intermediate result of one plan.

    Attributes:
        waits: seconds until the policy has to be planned again; the shortest counts.
    """

    status: RetrainPolicyStatus
    actions: tuple[Action, ...] = ()
    waits: tuple[float, ...] = ()


def decide(obs: Observed, now: datetime) -> PlanDecision:
    """The next step of a RetrainPolicy."""
    stopped = standing_refusal(obs.status, generation=obs.generation)
    step = _resume(obs, _adopt(obs), now)
    step = replace(step, status=_user_acts(obs, step.status))
    step = _follow(obs, step, now, may_act=stopped is None)
    step = replace(step, status=_counted(obs, step.status, now))
    signals = _signals(obs, step.status, now)
    step = replace(step, status=step.status.replace(signals=tuple(view.status for view in signals.values())))
    problem = stopped or _problem(obs)
    if problem is None and not obs.spec.suspend and not _closes(obs, step.status):
        step = _decide(obs, step, signals, now)
    step = replace(step, waits=(*step.waits, *_changes(obs, step.status, signals, now)))
    return _finish(obs, step, problem, now)


def _adopt(obs: Observed) -> Step:
    """Record the starts whose record was lost."""
    status = obs.status
    for decision in lost_starts(obs.carried, status.decisions, last_started=status.last_started):
        status = _started(status, decision)
    return Step(status=status)


def _user_acts(obs: Observed, status: RetrainPolicyStatus) -> RetrainPolicyStatus:
    """The status after what a user did: a Promotion that moved the alias back, or the resume annotation."""
    value = pending_value(obs.resume, handled=status.handled_resume)
    if value is not None:
        current = obs.terms[0].promotion_uid if obs.terms else ""
        status = reset(status).replace(handled_resume=value, resumed_promotion_uid=current)
    hold = held_by(
        obs.terms,
        created=obs.obj["metadata"]["creationTimestamp"],
        resumed=status.resumed_promotion_uid,
        known=status.held_by,
    )
    return status.replace(held_by=hold)


def _counted(obs: Observed, status: RetrainPolicyStatus, now: datetime) -> RetrainPolicyStatus:
    """The status with the results of the decisions that this plan closes, and with the budget used by now."""
    ended = (decision for decision in status.decisions if decision.id in obs.cases and not decision.open)
    starts = recent(status.recent_starts, obs.spec.guard.budget, now=now)
    return with_results(status, ended).replace(recent_starts=starts, budget_used=len(starts))


def _resume(obs: Observed, step: Step, now: datetime) -> Step:
    """What the schedules would have started while the policy was suspended is not caught up."""
    if obs.spec.suspend or obs.status.phase != PolicyPhase.SUSPENDED:
        return step
    schedules = (entry.replace(last=timestamp(now)) for entry in step.status.schedules)
    return replace(step, status=step.status.replace(schedules=tuple(schedules)))


def _started(status: RetrainPolicyStatus, decision: Decision) -> RetrainPolicyStatus:
    """The status with a start, and with what it was started for done with."""
    starts = with_recent_start(status.recent_starts, decision.time)
    changes: dict[str, object] = {
        "decisions": with_start(status.decisions, decision),
        "last_started": decision.time,
        "recent_starts": starts,
        "budget_used": len(starts),
        "schedules": tuple(_done(entry, decision) for entry in status.schedules),
    }
    if decision.trigger == MANUAL:
        changes["handled_trigger"] = decision.moment
    return status.replace(**changes)


def _done(entry: ScheduleStatus, decision: Decision) -> ScheduleStatus:
    if entry.trigger != decision.trigger or entry.last >= decision.moment:
        return entry
    return entry.replace(last=decision.moment)


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
    progress = follow(
        decision,
        case.training,
        case.version,
        case.promotion,
        promotion_name=name,
        withheld=_withheld(step.status, decision),
        now=now,
    )
    waits = step.waits if progress.requeue_after is None else (*step.waits, progress.requeue_after)
    if progress.promote and not may_act:
        return replace(step, waits=waits)
    actions = step.actions
    if progress.promote and alias is not None:
        promotion = render_promotion(obs.obj, progress.decision, alias=alias)
        actions = (*actions, Create(resource=PROMOTIONS, manifest=promotion))
    decisions = with_changed(step.status.decisions, progress.decision)
    return Step(status=step.status.replace(decisions=decisions), actions=actions, waits=waits)


def _withheld(status: RetrainPolicyStatus, decision: Decision) -> str | None:
    """Why the policy must not promote the version of a decision: a user moved the alias back after it started."""
    hold = status.held_by
    if hold is None or (decision.trigger == MANUAL and decision.time >= hold.since):
        return None
    return f"Promotion {hold.promotion} moved the alias to {hold.version} at {hold.since}"


def _closes(obs: Observed, status: RetrainPolicyStatus) -> bool:
    """Whether this plan closes a decision.

    Nothing starts before that is written: if the status were lost after the next Create, two
    trainings would be under way as soon as what had ended turned out to go on.
    """
    under_way = {decision.id for decision in status.decisions if decision.open}
    return any(identity not in under_way for identity in obs.cases)


def _confirm_absent(obs: Observed, status: RetrainPolicyStatus) -> tuple[tuple[Resource, Key], ...]:
    """Objects that do not exist as far as the cache knows, and from which this plan draws a permanent conclusion."""
    namespace = obs.obj["metadata"]["namespace"]
    found: list[tuple[Resource, str | None]] = []
    for decision in status.decisions:
        case = obs.cases.get(decision.id)
        if case is None or decision.open:
            continue
        found += [(TRAINING_JOBS, decision.training_job)] if case.training is None else []
        found += [(MODEL_VERSIONS, decision.model_version)] if case.version is None else []
        withheld = decision.result is DecisionResult.HELD_BY_USER
        promotion = decision_child(obs.obj, decision) if withheld else decision.promotion
        found += [(PROMOTIONS, promotion)] if case.promotion is None else []
    if status.held_by is not None and status.held_by != obs.status.held_by:
        found += [(PROMOTIONS, term.promotion) for term in obs.terms[:1] if term.author is Author.UNKNOWN]
    return tuple((resource, Key(namespace, name)) for resource, name in found if name is not None)


def _signals(obs: Observed, status: RetrainPolicyStatus, now: datetime) -> Mapping[str, SignalView]:
    since = last_completed(status.decisions)
    return {
        signal.name: look(signal, obs.monitors[signal.monitor], since=since, now=now) for signal in obs.spec.signals
    }


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
    found = _objection(obs, status, firing, now)
    if found is not None:
        waits = step.waits if found.until is None else (*step.waits, (found.until - now).total_seconds())
        skip = firing.skipped(found, policy_uid=obs.uid, now=now)
        decisions = with_skip(status.decisions, skip, now=now)
        return Step(status=status.replace(decisions=decisions), actions=step.actions, waits=waits)
    decision = decision.replace(training_job=decision_child(obs.obj, decision))
    create = Create(resource=TRAINING_JOBS, manifest=render_training_job(obs.obj, decision))
    return Step(status=_started(status, decision), actions=(*step.actions, create), waits=step.waits)


def _objection(obs: Observed, status: RetrainPolicyStatus, firing: Firing, now: datetime) -> Objection | None:
    if firing.stale:
        return Objection(DecisionReason.STALE_EVIDENCE, "enough windows are breached, but not within the maximum age")
    return objection(status, obs.spec.guard, manual=firing.manual, now=now)


def _changes(
    obs: Observed, status: RetrainPolicyStatus, signals: Mapping[str, SignalView], now: datetime
) -> list[float]:
    """Seconds until shown values change by time alone: evidence ages, a run leaves the budget, the circuit closes."""
    moments = [
        next_change(status.recent_starts, obs.spec.guard.budget),
        circuit_end(status, obs.spec.guard.circuit_breaker),
        *(view.changes_at for view in signals.values()),
    ]
    return [(moment - now).total_seconds() for moment in moments if moment is not None and moment > now]


def _finish(obs: Observed, step: Step, problem: Outcome | None, now: datetime) -> PlanDecision:
    breaker = obs.spec.guard.circuit_breaker
    phase = phase_of(step.status, suspended=obs.spec.suspend, circuit=circuit(step.status, breaker, now=now))
    outcome = problem or _in_the_way(obs, step.status) or outcome_of(step.status, phase, breaker, now=now)
    return PlanDecision(
        finding=Finding.of(phase, outcome),
        changes=changes_between(obs.status, step.status),
        actions=step.actions,
        depends_on=_depends_on(obs, step.actions),
        confirm_absent=_confirm_absent(obs, step.status),
        requeue_after=min(step.waits, default=None),
    )


def _depends_on(obs: Observed, actions: tuple[Action, ...]) -> tuple[tuple[Resource, Manifest], ...]:
    """The Model, before anything is created for its alias: a user may have moved the alias back by now."""
    return ((MODELS, obs.model),) if actions and obs.model is not None and obs.spec.promote is not None else ()


def _in_the_way(obs: Observed, status: RetrainPolicyStatus) -> Outcome | None:
    """What a user should fix, though not everything waits for it."""
    under_way = {decision.id for decision in status.decisions if decision.open}
    for identity, case in obs.cases.items():
        if identity in under_way and case.training is not None and case.training.stalled:
            return stalled(PolicyReason.TRAINING_STALLED, case.training.stalled)
    missing = sorted(name for name, monitor in obs.monitors.items() if not monitor.found)
    if missing and not obs.spec.suspend:
        return working(PolicyReason.MONITOR_NOT_FOUND, f"ModelMonitor {', '.join(missing)} does not exist")
    return None
