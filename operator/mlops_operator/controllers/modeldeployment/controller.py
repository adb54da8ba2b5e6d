# SPDX-License-Identifier: Apache-2.0
"""Wiring of the ModelDeployment controller: what wakes it, what it may do, and what its plan sees."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from mlops_operator.api.meta import LABEL_UID, Key, Manifest
from mlops_operator.api.modeldeployment import ModelDeploymentSpec, ModelDeploymentStatus
from mlops_operator.controllers.modeldeployment.checks import awaited_jobs, current_job
from mlops_operator.controllers.modeldeployment.observed import Observed
from mlops_operator.controllers.modeldeployment.plan import plan
from mlops_operator.controllers.modeldeployment.policies import health
from mlops_operator.controllers.modeldeployment.policies.target import Target, target_version
from mlops_operator.controllers.modeldeployment.refused import refused
from mlops_operator.controllers.modeldeployment.status import invalid_spec
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads, watches
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.indexes import key_of, referring, usability
from mlops_operator.controllers.shared.models import alias_targets, bootstrapping_aliases, changed_aliases
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    SERVICES,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, PodsOfJob, Read, Rejection

_READ: Final = ("get", "list", "watch")
_WRITE: Final = ("create", "patch", "delete")


def _model_of(obj: Manifest) -> Iterable[str]:
    model = ((obj.get("spec") or {}).get("model") or {}).get("name")
    if model:
        yield _reference(obj, model)


def _versions_of(obj: Manifest) -> Iterable[str]:
    """The ModelVersions an object names: in its spec, and as what it serves or is about to."""
    named = {((obj.get("spec") or {}).get("model") or {}).get("version")}
    status = obj.get("status") or {}
    named |= {(status.get(role) or {}).get("version") for role in ("stable", "candidate")}
    return [_reference(obj, version) for version in sorted(filter(None, named))]


def _parent_uid(pod: Manifest) -> Iterable[str]:
    uid = (pod["metadata"].get("labels") or {}).get(LABEL_UID)
    if uid:
        yield uid


def _own_uid(obj: Manifest) -> Iterable[str]:
    yield obj["metadata"]["uid"]


def _reference(obj: Manifest, name: str) -> str:
    return str(Key(obj["metadata"]["namespace"], name))


def _alias_of(obj: Manifest) -> Iterable[str]:
    model = (obj.get("spec") or {}).get("model") or {}
    if model.get("name") and model.get("alias"):
        yield _alias_value(obj["metadata"]["namespace"], model["name"], model["alias"])


def _alias_value(namespace: str, model: str, alias: str) -> str:
    return f"{namespace}/{model}/{alias}"


BY_MODEL: Final = Index(MODEL_DEPLOYMENTS, "model", _model_of)
BY_ALIAS: Final = Index(MODEL_DEPLOYMENTS, "alias", _alias_of)
BY_VERSION: Final = Index(MODEL_DEPLOYMENTS, "version", _versions_of)
BY_UID: Final = Index(MODEL_DEPLOYMENTS, "uid", _own_uid)
PODS_BY_PARENT: Final = Index(PODS, "parent", _parent_uid)


def _of_changed_model(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
    """Those that follow an alias that was changed or moved, or begins or ends to be given its first version."""
    namespace, model = key_of(new)
    for alias in sorted({*changed_aliases(old, new), *(bootstrapping_aliases(old) ^ bootstrapping_aliases(new))}):
        yield from world.keys(BY_ALIAS, _alias_value(namespace, model, alias))


def _of_version(version: Manifest, world: World) -> Iterable[Key]:
    """Those that name it, and those that follow an alias which points at it."""
    namespace, name = key_of(version)
    yield from world.keys(BY_VERSION, str(Key(namespace, name)))
    model = (version.get("spec") or {}).get("model") or ""
    for alias, target in alias_targets(world.get(MODELS, Key(namespace, model))).items():
        if target.version == name:
            yield from world.keys(BY_ALIAS, _alias_value(namespace, model, alias))


def _of_changed_version(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
    return _of_version(new, world) if usability(old) != usability(new) else ()


def _of_pod(pod: Manifest, world: World) -> Iterable[Key]:
    return [key for uid in _parent_uid(pod) for key in world.keys(BY_UID, uid)]


def _versions(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, model: Manifest | None, namespace: str, world: World
) -> dict[str, Manifest]:
    """The ModelVersions that matter: the target and the stable one."""
    target = target_version(spec.model, model)
    named = {target.name} if isinstance(target, Target) else set()
    if status.stable is not None:
        named.add(status.stable.version)
    found = {name: world.get(MODEL_VERSIONS, Key(namespace, name)) for name in sorted(named)}
    return {name: version for name, version in found.items() if version is not None}


class ModelDeploymentController:
    """Serves what a ModelDeployment asks for; see `plan`."""

    resource = MODEL_DEPLOYMENTS
    watches: Sequence[Watch] = (
        Watch(resource=MODELS, keys=referring(BY_MODEL), between=_of_changed_model),
        Watch(resource=MODEL_VERSIONS, keys=_of_version, between=_of_changed_version),
        watches.managed_deployments(MODEL_DEPLOYMENTS),
        watches.managed_services(MODEL_DEPLOYMENTS),
        watches.managed_autoscalers(MODEL_DEPLOYMENTS),
        watches.managed_disruption_budgets(MODEL_DEPLOYMENTS),
        watches.managed_jobs(MODEL_DEPLOYMENTS),
        watches.server_pods(_of_pod),
    )
    indexes: Sequence[Index] = (BY_MODEL, BY_ALIAS, BY_VERSION, BY_UID, PODS_BY_PARENT, job_reads.PENDING_JOBS)
    rules: Sequence[Rule] = (
        Rule(MODELS, _READ),
        Rule(MODEL_VERSIONS, _READ),
        Rule(DEPLOYMENTS, (*_READ, *_WRITE)),
        Rule(SERVICES, (*_READ, *_WRITE)),
        Rule(HORIZONTAL_POD_AUTOSCALERS, (*_READ, *_WRITE)),
        Rule(POD_DISRUPTION_BUDGETS, (*_READ, *_WRITE)),
        Rule(JOBS, (*_READ, "create", "patch", "delete")),
        Rule(PODS, _READ),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """What explains that servers do not start, and the pods of the golden-request Job that is awaited."""
        asked = health.questions(world.indexed(PODS_BY_PARENT, obj["metadata"]["uid"]), now)
        name = current_job(ModelDeploymentStatus.of(obj))
        job = world.get(JOBS, Key(obj["metadata"]["namespace"], name)) if name is not None else None
        return (*asked, *(job_reads.reads(job, world, now) if job is not None else ()))

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """The plan for the object; see `plan.plan`."""
        try:
            spec = ModelDeploymentSpec.model_validate(obj["spec"])
        except ValidationError as error:
            return Plan(status=invalid_spec(obj, error, now).to_manifest())
        observed = self._observe(obj, spec, world, reads)
        awaited = awaited_jobs(observed.status.candidate)
        return with_cleanup(
            plan(observed, self._settings, now),
            observed.jobs,
            recorded=lambda job: job["metadata"]["name"] not in awaited,
            ttl=self._settings.finished_job_ttl,
            now=now,
        )

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """The plan after a child was refused; see `refused.refused`."""
        return refused(obj, rejection, now)

    def _observe(
        self, obj: Manifest, spec: ModelDeploymentSpec, world: World, reads: Mapping[Read, Sequence[Manifest]]
    ) -> Observed:
        uid = obj["metadata"]["uid"]
        namespace = obj["metadata"]["namespace"]
        status = ModelDeploymentStatus.of(obj)
        model = world.get(MODELS, Key(namespace, spec.model.name))
        return Observed(
            obj=obj,
            spec=spec,
            status=status,
            model=model,
            versions=_versions(spec, status, model, namespace, world),
            deployments=world.owned(DEPLOYMENTS, uid),
            pods=world.indexed(PODS_BY_PARENT, uid),
            services=world.owned(SERVICES, uid),
            autoscalers=world.owned(HORIZONTAL_POD_AUTOSCALERS, uid),
            budgets=world.owned(POD_DISRUPTION_BUDGETS, uid),
            jobs=world.owned(JOBS, uid),
            job_pods={read.job: pods for read, pods in reads.items() if isinstance(read, PodsOfJob)},
            reads=reads,
        )
