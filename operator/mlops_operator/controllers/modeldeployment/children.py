# SPDX-License-Identifier: Apache-2.0
"""The actions that make the children what the rollout's state says.

Two rules keep every moment between two requests safe:

- The traffic Service is brought in line first, so requests leave a revision before anything happens to it.
- Record first, then remove: what the observed status still names as stable, candidate or former is never
  deleted, nor what the observed traffic Service is pinned to. The plan that replaces it writes the
  status; the next one, reading that status, deletes. A crash in between leaves too much, never too little.
"""

from collections.abc import Iterator

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import CandidatePhase, GoldenStatus
from mlops_operator.controllers.modeldeployment import names, render
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint
from mlops_operator.controllers.modeldeployment.checks import awaited_jobs
from mlops_operator.controllers.modeldeployment.observed import Observed, pinned_to
from mlops_operator.controllers.modeldeployment.policies.replicas import wants_budget
from mlops_operator.controllers.modeldeployment.policies.traffic import may_move, pinned_revision
from mlops_operator.controllers.modeldeployment.rollout import State
from mlops_operator.controllers.modeldeployment.server_pods import surroundings
from mlops_operator.controllers.modeldeployment.servers import revision_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import tries
from mlops_operator.controllers.shared.children import renamed
from mlops_operator.controllers.shared.jobs import ended
from mlops_operator.controllers.shared.task import TaskPhase, TaskState
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    SERVICES,
)
from mlops_operator.runtime.work.drift import differs
from mlops_operator.runtime.work.plan import Action, Apply, Create, Delete, Patch


def actions(
    observed: Observed,
    state: State,
    *,
    blueprints: dict[str, Blueprint],
    settings: Settings,
    autoscaler_refused: bool,
    check: TaskState | None = None,
) -> tuple[Action, ...]:
    """What has to be done, in order; nothing where the children are as they should be.

    Args:
        blueprints: the revisions whose pods are known, by their names. The stable revision's are not
            where the pod settings have changed since: it is left as it is, but for its replicas.
        autoscaler_refused: the API server has refused the autoscaler that this generation asks for.
        check: the state of the candidate's golden-request Job.
    """
    return (
        *_traffic(observed, state),
        *_deployments(observed, state, blueprints, settings),
        *_check(observed, state, blueprints, settings, check),
        *(() if autoscaler_refused else _autoscaler(observed, state)),
        *_budget(observed, state),
        *_leftovers(observed, state),
    )


def _traffic(observed: Observed, state: State) -> Iterator[Action]:
    if state.stable is None:
        return  # before a first version nothing may get requests; where it was lost, what there is stays
    phase = state.candidate.phase if state.candidate is not None else None
    revision = pinned_revision(stable=state.stable.revision, candidate_phase=phase)
    pinned = pinned_to(observed.traffic)
    ready = {entry: observed.servers(entry).ready for entry in (pinned, revision) if entry is not None}
    if may_move(pinned=pinned, wanted=revision, ready=ready):
        name = names.service_name(observed.obj)
        yield from _service(render.service(observed.obj, name=name, revision=revision), observed.traffic)


def _service(wanted: Manifest, found: Manifest | None) -> Iterator[Action]:
    if found is None:
        # Created, not applied: applying would take over a Service of the same name that is somebody else's.
        yield Create(resource=SERVICES, manifest=wanted)
    elif wanted["spec"]["selector"] != found["spec"].get("selector") or differs(wanted, found):
        # The selector is compared as a whole: when it is widened, a label fewer is wanted.
        yield Apply(resource=SERVICES, manifest=wanted)


def _deployments(
    observed: Observed, state: State, blueprints: dict[str, Blueprint], settings: Settings
) -> Iterator[Action]:
    wanted = {}
    if state.candidate is not None:
        wanted[state.candidate.revision] = state.candidate_replicas
    if state.stable is not None:
        wanted[state.stable.revision] = state.wanted
    autoscaled, told = observed.spec.autoscaling is not None, _told(observed)
    for revision, replicas in wanted.items():
        found = observed.servers(revision).deployment
        blueprint = blueprints.get(revision)
        if blueprint is not None:
            manifest = render.deployment(
                observed.obj,
                observed.spec,
                blueprint,
                name=observed.deployment_name(revision),
                replicas=replicas,
                given=surroundings(found, settings),
            )
            yield from _deployment(manifest, found, autoscaled=autoscaled, told=revision in told)
        elif found is not None:
            yield from _scale(found, replicas)
    kept = observed.servers(state.former.revision).deployment if state.former is not None else None
    if kept is not None:
        # Never scaled up, not even by an autoscaler: see `policies.bake`.
        yield from _scale(kept, min(kept["spec"].get("replicas", 1), state.wanted))


def _told(observed: Observed) -> set[str]:
    """The revisions whose Deployments have been made, by the status."""
    return {entry.revision for entry in (observed.status.stable, observed.status.candidate) if entry is not None}


def _deployment(wanted: Manifest, found: Manifest | None, *, autoscaled: bool, told: bool) -> Iterator[Action]:
    if found is None:
        yield Apply(resource=DEPLOYMENTS, manifest=wanted, expect_exists=told)
        return
    replicas = wanted["spec"]["replicas"]
    as_scaled = {**wanted, "spec": {**wanted["spec"], "replicas": found["spec"].get("replicas", 1)}}
    if not differs(as_scaled, found):
        yield from _scale(found, replicas)
        return
    if autoscaled:
        # Applied with the count that the autoscaler gave, which may be another by now. Leaving
        # the field out is no way: the API server would set what nobody applies any more to 1.
        version = found["metadata"]["resourceVersion"]
        wanted = {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": version}}
    yield Apply(resource=DEPLOYMENTS, manifest=wanted)


def _scale(found: Manifest, replicas: int) -> Iterator[Action]:
    if found["spec"].get("replicas", 1) != replicas:
        yield Patch.of(DEPLOYMENTS, found, {"spec": {"replicas": replicas}})


def _check(
    observed: Observed,
    state: State,
    blueprints: dict[str, Blueprint],
    settings: Settings,
    check: TaskState | None,
) -> Iterator[Action]:
    """The candidate's own Service and the Jobs that ask it."""
    candidate = state.candidate
    if candidate is not None and candidate.recheck_job is not None:
        yield from _recheck(observed, state, blueprints.get(candidate.revision), settings, check)
    if candidate is None or _job_of(candidate.golden) is None:
        return
    service = observed.candidate_service_name
    wanted = render.service(observed.obj, name=service, revision=candidate.revision)
    yield from _service(wanted, observed.candidate_service)
    blueprint = blueprints.get(candidate.revision)
    if candidate.phase is not CandidatePhase.CHECKING or blueprint is None or blueprint.golden_requests is None:
        return
    task = render.golden_task(observed.obj, observed.spec, blueprint, candidate, settings, service=service)
    decided = candidate.golden is not None and candidate.golden.passed is not None
    if not decided:
        yield from _job(observed, _job_of(candidate.golden), render.golden_job(task, settings), check)


def _recheck(
    observed: Observed, state: State, blueprint: Blueprint | None, settings: Settings, check: TaskState | None
) -> Iterator[Action]:
    """The Job that asks every server, once the address of each is known."""
    candidate = state.candidate
    if blueprint is None or candidate is None:
        return
    addresses = observed.servers(candidate.revision).addresses(blueprint.server.port)
    if len(addresses) >= state.candidate_replicas:
        task = render.recheck_task(observed.obj, observed.spec, blueprint, candidate, addresses)
        yield from _job(observed, candidate.recheck_job, render.golden_job(task, settings), check)


def _job(observed: Observed, name: str | None, wanted: Manifest, check: TaskState | None) -> Iterator[Action]:
    """The Job of a check; once more where its result was lost, else with what it keeps of pods that were taken away.

    It has the name that the status records.
    """
    wanted = renamed(wanted, name) if name is not None else wanted
    found = observed.job(wanted["metadata"]["name"])
    if found is None:
        yield Create(resource=JOBS, manifest=wanted)
    elif check is not None and check.phase is TaskPhase.RESULT_LOST:
        yield from tries.run_again(found, wanted)
    elif check is not None:
        yield from (tries.correction(found, wanted) if check.kept else ()) or check.keeping


def _autoscaler(observed: Observed, state: State) -> Iterator[Action]:
    autoscaling = observed.spec.autoscaling
    found = observed.autoscalers[0] if observed.autoscalers else None
    if autoscaling is None:
        if found is not None:
            yield Delete.of(HORIZONTAL_POD_AUTOSCALERS, found)
    elif state.stable is not None:
        wanted = render.autoscaler(
            observed.obj,
            autoscaling,
            name=names.autoscaler_name(observed.obj, found),
            deployment=observed.deployment_name(state.stable.revision),
        )
        if found is None or differs(wanted, found):
            yield Apply(resource=HORIZONTAL_POD_AUTOSCALERS, manifest=wanted)


def _budget(observed: Observed, state: State) -> Iterator[Action]:
    if state.stable is None:
        return  # as with the traffic: what there is stays where a first version was lost
    found = observed.budgets[0] if observed.budgets else None
    if not wants_budget(replicas=state.wanted, autoscaling=observed.spec.autoscaling):
        if found is not None:
            yield Delete.of(POD_DISRUPTION_BUDGETS, found)
        return
    wanted = render.disruption_budget(observed.obj, name=names.budget_name(observed.obj, found))
    if found is None or differs(wanted, found):
        yield Apply(resource=POD_DISRUPTION_BUDGETS, manifest=wanted)


def _leftovers(observed: Observed, state: State) -> Iterator[Action]:
    """Deletes what neither the observed status nor the coming one names, and no request reaches."""
    before = observed.status
    named = (before.stable, before.candidate, before.former, state.stable, state.candidate, state.former)
    revisions = {pinned_to(observed.traffic), *(entry.revision for entry in named if entry is not None)}
    for deployment in observed.deployments:
        if revision_of(deployment) not in revisions and not _is_going(deployment):
            yield Delete.of(DEPLOYMENTS, deployment)
    candidates = [entry for entry in (before.candidate, state.candidate) if entry is not None]
    jobs = {_job_of(entry.golden) for entry in candidates} - {None}
    if not jobs and observed.candidate_service is not None:
        yield Delete.of(SERVICES, observed.candidate_service)
    awaited = frozenset[str]().union(*map(awaited_jobs, candidates))
    for job in observed.jobs:
        if job["metadata"]["name"] not in awaited and not ended(job) and not _is_going(job):
            yield Delete.of(JOBS, job)


def _is_going(child: Manifest) -> bool:
    return "deletionTimestamp" in child["metadata"]


def _job_of(golden: GoldenStatus | None) -> str | None:
    return golden.job if golden is not None else None
