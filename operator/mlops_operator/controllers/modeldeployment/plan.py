# SPDX-License-Identifier: Apache-2.0
"""The plan of a ModelDeployment: where its rollout is, what its children need, what its status says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from mlops_operator.api.conditions import STALLED, find
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.modeldeployment import CandidateStatus, DeploymentReason, ModelDeploymentStatus, RevisionStatus
from mlops_operator.controllers.modeldeployment import names, render
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint, Problem, keep_image
from mlops_operator.controllers.modeldeployment.checks import check_state
from mlops_operator.controllers.modeldeployment.children import actions
from mlops_operator.controllers.modeldeployment.events import events_of
from mlops_operator.controllers.modeldeployment.example import example
from mlops_operator.controllers.modeldeployment.observed import Observed
from mlops_operator.controllers.modeldeployment.policies import health
from mlops_operator.controllers.modeldeployment.policies.coalesce import settles_in
from mlops_operator.controllers.modeldeployment.policies.recovery import stable_revision
from mlops_operator.controllers.modeldeployment.policies.target import blueprint_of, resolve
from mlops_operator.controllers.modeldeployment.policies.traffic import SHARING
from mlops_operator.controllers.modeldeployment.rollout import State, advance
from mlops_operator.controllers.modeldeployment.servers import Servers
from mlops_operator.controllers.modeldeployment.status import Situation, status_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import DEPLOYMENTS, MODELS, Resource
from mlops_operator.runtime.work.plan import Action, Delete, Plan

_Revision = TypeVar("_Revision", RevisionStatus, CandidateStatus)


def plan(observed: Observed, settings: Settings, now: datetime) -> Plan:
    """The whole answer to one observation."""
    target = resolve(
        observed.spec,
        model=observed.model,
        versions=observed.versions,
        settings=settings,
        restarted_at=observed.restarted_at,
    )
    if isinstance(target, Blueprint):
        target = keep_image(target, observed.status.stable)
    known = _stable_blueprint(observed, settings)
    check = check_state(observed, now)
    state = advance(
        observed,
        stable=stable_revision(
            observed,
            described=known.revision if known else None,
            target=target.revision if isinstance(target, Blueprint) else None,
        ),
        target=target,
        check=check,
        now=now,
    )
    blueprints = {entry.revision: entry for entry in (known, target) if isinstance(entry, Blueprint)}
    refused = _autoscaler_problem(observed)
    problem = refused or (target if isinstance(target, Problem) else None)
    access = _access(observed, state, blueprints, settings)
    told = _status(observed, state, problem=problem, access=access, now=now)
    todo = actions(
        observed,
        state,
        blueprints=blueprints,
        settings=settings,
        autoscaler_refused=refused is not None,
        check=check,
    )
    return Plan(
        actions=todo,
        depends_on=_depends_on(observed, target, todo, told.status),
        confirm_absent=_confirm_absent(observed, told.status),
        status=told.status.to_manifest(),
        requeue_after=_soonest(
            state.requeue, told.look_in, *(health.overdue_in(servers, now) for servers in _served(observed, state))
        ),
        events=events_of(observed.status, told.status, observed.spec.rollout),
    )


def _depends_on(
    observed: Observed, target: Blueprint | Problem, todo: Sequence[Action], told: ModelDeploymentStatus
) -> tuple[tuple[Resource, Manifest], ...]:
    """The objects whose present state is confirmed before the plan is carried out.

    The Model, before the course that the status tells of is left or forgotten, or servers are taken away:
    by an alias of the past a version would be begun that was stopped before, or one be taken back that is on its way.
    The Deployments, before a bake ends: by readiness of the past the requests would go to the wrong revision.
    """
    return (*_model_grounds(observed, target, todo, told), *_bake_grounds(observed, told))


def _confirm_absent(observed: Observed, told: ModelDeploymentStatus) -> tuple[tuple[Resource, Key], ...]:
    """The Deployment of the stable revision where a bake ends because it is missing: the cache may be older than it."""
    before = observed.status
    if before.former is None or told.former is not None or before.stable is None:
        return ()
    if observed.servers(before.stable.revision).exists:
        return ()
    return ((DEPLOYMENTS, Key(observed.namespace, before.stable.deployment)),)


def _bake_grounds(observed: Observed, told: ModelDeploymentStatus) -> tuple[tuple[Resource, Manifest], ...]:
    before = observed.status
    if before.former is None or told.former is not None:
        return ()
    restored = told.stable is not None and told.stable.revision == before.former.revision
    decided = [before.stable, before.former] if restored else [before.stable]
    found = (observed.servers(entry.revision).deployment for entry in decided if entry is not None)
    return tuple((DEPLOYMENTS, deployment) for deployment in found if deployment is not None)


def _model_grounds(
    observed: Observed, target: Blueprint | Problem, todo: Sequence[Action], told: ModelDeploymentStatus
) -> tuple[tuple[Resource, Manifest], ...]:
    if observed.model is None:
        return ()
    course = _course(observed.status)
    leaves = bool(course) and isinstance(target, Blueprint) and target.revision not in course
    forgets = observed.status.stopped is not None and told.stopped is None
    takes = any(isinstance(action, Delete) and action.resource == DEPLOYMENTS for action in todo)
    return ((MODELS, observed.model),) if leaves or forgets or takes else ()


def _course(status: ModelDeploymentStatus) -> set[str]:
    """The revision that is on its way or serves, and the one that was stopped; empty before a first version."""
    towards = status.candidate or status.stable
    return {entry.revision for entry in (towards, status.stopped) if entry is not None}


def _autoscaler_problem(observed: Observed) -> Problem | None:
    """What the API server said of the autoscaler of this very generation, if it has refused it.

    It is remembered in the condition alone, so it comes before any other problem: a status that
    said something else would have it asked, and refused, again and again.
    """
    stalled = find(observed.status.conditions, STALLED)
    if (
        stalled is not None
        and stalled.reason == DeploymentReason.INVALID_AUTOSCALING
        and stalled.observed_generation == observed.generation
        and observed.spec.autoscaling is not None
    ):
        return Problem(DeploymentReason.INVALID_AUTOSCALING, stalled.message, permanent=True)
    return None


def _stable_blueprint(observed: Observed, settings: Settings) -> Blueprint | None:
    """What the present spec makes of the stable version; None where its ModelVersion is gone."""
    stable = observed.status.stable
    version = observed.versions.get(stable.version) if stable is not None else None
    if stable is None or version is None or version["metadata"]["uid"] != stable.version_uid:
        return None
    drawn = blueprint_of(observed.spec, version, settings, restarted_at=observed.restarted_at)
    return keep_image(drawn, stable) if isinstance(drawn, Blueprint) else None


def _served(observed: Observed, state: State) -> Sequence[Servers]:
    """The servers of the stable version and of the candidate, where there are some."""
    return [observed.servers(entry.revision) for entry in (state.stable, state.candidate) if entry is not None]


@dataclass(frozen=True)
class _Told:
    status: ModelDeploymentStatus
    look_in: float | None = None


class _Access(NamedTuple):
    """How the served model is reached: from inside the cluster, and by which commands from outside."""

    url: str
    example: str | None


def _access(observed: Observed, state: State, blueprints: Mapping[str, Blueprint], settings: Settings) -> _Access:
    url = render.service_url(observed.obj, names.service_name(observed.obj), settings)
    blueprint = blueprints.get(state.stable.revision) if state.stable is not None else None
    if blueprint is None:
        # The ModelVersion is gone, and with it what says which server has it.
        return _Access(url, observed.status.example)
    return _Access(url, example(observed.obj, model=blueprint.model, server=blueprint.server))


def _status(observed: Observed, state: State, *, problem: Problem | None, access: _Access, now: datetime) -> _Told:
    """The status, with counts that are still rising left as they were until they have settled."""
    fresh = _with_counts(observed, state, problem=problem, access=access, now=now, former=None)
    wait = settles_in(_served(observed, state), now)
    if wait is None or _falls(observed.status, fresh):
        return _Told(fresh)
    former = _with_counts(observed, state, problem=problem, access=access, now=now, former=observed.status)
    return _Told(former, wait) if former == observed.status else _Told(fresh)


def _falls(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> bool:
    """Whether fewer servers are ready than was said."""
    pairs = ((before.stable, after.stable), (before.candidate, after.candidate))
    return any(
        old is not None and new is not None and old.revision == new.revision and new.ready_replicas < old.ready_replicas
        for old, new in pairs
    )


def _with_counts(
    observed: Observed,
    state: State,
    *,
    problem: Problem | None,
    access: _Access,
    now: datetime,
    former: ModelDeploymentStatus | None,
) -> ModelDeploymentStatus:
    """The status with the counts of `former`, or the observed ones without it."""
    stable, candidate = state.stable, state.candidate
    if stable is not None:
        stable = _counted(stable, observed, former.stable if former else None)
    if candidate is not None:
        kept = former.candidate if former is not None else _still_out(observed.status.candidate, candidate, observed)
        candidate = _counted(candidate, observed, kept)
    situation = Situation(
        obj=observed.obj,
        previous=observed.status,
        stable=stable,
        candidate=candidate,
        former=state.former,
        stopped=state.stopped,
        wanted=state.wanted,
        rollout=observed.spec.rollout,
        problem=problem,
        waiting=health.steady(state.waiting, former=observed.status.waiting),
        overdue=state.overdue,
        lost=tuple(found for servers in _served(observed, state) if (found := health.lost(servers, now)) is not None),
        url=access.url,
        example=access.example,
    )
    return status_of(situation, now=now)


def _still_out(
    former: CandidateStatus | None, candidate: CandidateStatus, observed: Observed
) -> CandidateStatus | None:
    """The candidate as it was told of, where more of its servers are ready now but none gets a request yet.

    Nobody acts on that count; the next phase will say it.
    """
    if former is None or candidate.phase in SHARING or former.phase is not candidate.phase:
        return None
    return former if observed.servers(candidate.revision).ready >= former.ready_replicas else None


def _counted(entry: _Revision, observed: Observed, former: RevisionStatus | None) -> _Revision:
    if former is not None and former.revision == entry.revision:
        return entry.replace(replicas=former.replicas, ready_replicas=former.ready_replicas)
    servers = observed.servers(entry.revision)
    return entry.replace(replicas=servers.replicas, ready_replicas=servers.ready)


def _soonest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)
