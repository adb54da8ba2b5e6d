"""All that the plan of a ModelVersion sees, and the look-ups that find it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mlops_operator.api.conditions import READY
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import ModelStatus
from mlops_operator.api.modelversion import ModelVersionReason, ModelVersionSpec, ModelVersionStatus
from mlops_operator.controllers.modelversion.render import verification
from mlops_operator.controllers.shared.indexes import (
    MODEL_VERSIONS_BY_MODEL,
    PROMOTIONS_BY_VERSION,
    by_reference,
    key_of,
)
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.shared.specs import parse_spec
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS
from mlops_operator.runtime.controller import Index, World
from mlops_operator.runtime.plan import PodsOfJob, Read


def _served(deployment: Manifest) -> Iterable[str]:
    """The versions that a ModelDeployment serves."""
    status = deployment.get("status") or {}
    for role in ("stable", "candidate"):
        version = (status.get(role) or {}).get("version")
        if version:
            yield str(Key(deployment["metadata"]["namespace"], version))


def _attentive(version: Manifest) -> Iterable[str]:
    """The Model of a version that its news may concern: it lacks a number, misses the Model, or has an alias.

    A Model's status changes with every new version. All others of its versions need not hear of it.
    """
    status = version.get("status") or {}
    conditions = {entry["type"]: entry.get("reason") for entry in status.get("conditions") or ()}
    missing = conditions.get(READY) == ModelVersionReason.MODEL_NOT_FOUND
    return _model_of(version) if missing or not status.get("version") or status.get("aliases") else ()


_model_of: Final = by_reference("model")

DEPLOYMENTS_BY_VERSION: Final = Index(MODEL_DEPLOYMENTS, "served-version", _served)
ATTENTIVE_BY_MODEL: Final = Index(MODEL_VERSIONS, "attentive-model", _attentive)

INDEXES: Final = (MODEL_VERSIONS_BY_MODEL, PROMOTIONS_BY_VERSION, DEPLOYMENTS_BY_VERSION, ATTENTIVE_BY_MODEL)


def concerned_by_model(model: Manifest, world: World) -> Iterable[Key]:
    """The versions that a change of their Model concerns."""
    key = key_of(model)
    if world.get(MODELS, key) is None:
        return [key_of(version) for version in world.indexed(MODEL_VERSIONS_BY_MODEL, str(key))]
    pointed_at = [Key(key.namespace, alias.version) for alias in ModelStatus.of(model).aliases]
    return [*(key_of(version) for version in world.indexed(ATTENTIVE_BY_MODEL, str(key))), *pointed_at]


def concerned_by_deployment(deployment: Manifest, _world: World) -> Iterable[Key]:
    """The versions that a ModelDeployment serves; the engine asks for its former state as well."""
    return [Key(*value.split("/", 1)) for value in _served(deployment)]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A ModelVersion and everything that concerns it.

    Attributes:
        obj: the object as it is stored.
        model: the status of its Model; None where the Model is not there.
        jobs: its verifications' Jobs.
        job: the Job of the verification at work, or None.
        pods: that Job's pods; None where they were not read.
        reads: all that was read, which explains why the pods do not run.
    """

    obj: Manifest
    spec: ModelVersionSpec
    status: ModelVersionStatus
    model: ModelStatus | None = None
    promotions: Sequence[Manifest] = ()
    deployments: Sequence[Manifest] = ()
    jobs: Sequence[Manifest] = ()
    job: Manifest | None = None
    pods: Sequence[Manifest] | None = None
    reads: Reads = field(default_factory=dict)


def current_job(obj: Manifest, status: ModelVersionStatus, jobs: Sequence[Manifest]) -> Manifest | None:
    """The Job of the verification at work, if it is there and ours."""
    name = verification(obj, status.attempts).name
    return next((job for job in jobs if job["metadata"]["name"] == name), None)


def observe(obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
    """The observation of a ModelVersion.

    Raises:
        InvalidSpecError: its spec cannot be worked with.
    """
    spec = parse_spec(ModelVersionSpec, obj)
    status = ModelVersionStatus.of(obj)
    key = key_of(obj)
    model = world.get(MODELS, Key(key.namespace, spec.model))
    jobs = world.owned(JOBS, obj["metadata"]["uid"])
    job = current_job(obj, status, jobs)
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        model=ModelStatus.of(model) if model is not None else None,
        promotions=world.indexed(PROMOTIONS_BY_VERSION, str(key)),
        deployments=world.indexed(DEPLOYMENTS_BY_VERSION, str(key)),
        jobs=jobs,
        job=job,
        pods=reads.get(PodsOfJob.of(job)) if job is not None else None,
        reads=reads,
    )
