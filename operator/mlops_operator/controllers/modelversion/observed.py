# SPDX-License-Identifier: Apache-2.0
"""All that the plan of a ModelVersion sees, and the look-ups that find it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from mlops_operator.api.common import VersionRef
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import Rejection
from mlops_operator.api.modelversion import MAX_GATE_RESULTS, GateResult, ModelVersionSpec, ModelVersionStatus
from mlops_operator.controllers.modelversion.gates import (
    JUDGED_BY_VERSION,
    OPEN_PROMOTIONS_BY_VERSION,
    gate_results,
    open_promotions,
)
from mlops_operator.controllers.modelversion.render import verification
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_DIGEST, MODEL_VERSIONS_BY_MODEL, key_of
from mlops_operator.controllers.shared.models import (
    VersionInModel,
    began_retention,
    changed_rejections,
    changed_versions,
    rejections_of,
    version_in_model,
)
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.shared.served import ServedFact, served_fact, view_served
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODELS, TRAINING_JOBS
from mlops_operator.runtime.cache.index import FactIndex, Index
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import PodsOfJob, Read


def _served(deployment: Manifest) -> Iterable[str]:
    """The versions that a ModelDeployment serves."""
    served = view_served(deployment)
    for version in sorted({served.stable, served.candidate} - {None}, key=str):
        yield str(Key(deployment["metadata"]["namespace"], str(version)))


DEPLOYMENTS_BY_VERSION: Final = FactIndex(MODEL_DEPLOYMENTS, "served-version", _served, served_fact)

INDEXES: Final[Sequence[Index]] = (
    MODEL_VERSIONS_BY_MODEL,
    MODEL_VERSIONS_BY_DIGEST,
    OPEN_PROMOTIONS_BY_VERSION,
    JUDGED_BY_VERSION,
    DEPLOYMENTS_BY_VERSION,
)


def concerned_by_model(model: Manifest, world: World) -> Iterable[Key]:
    """The versions that a new or deleted Model concerns: all of it."""
    key = key_of(model)
    return [Key(key.namespace, version.name) for version in world.facts(MODEL_VERSIONS_BY_MODEL, str(key))]


def concerned_by_model_change(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
    """The versions that a change of their Model concerns: those of which it says something else.

    A retention policy that begins concerns all of them: each looks for the TrainingJob that wrote its files.
    """
    if began_retention(old, new):
        return concerned_by_model(new, world)
    namespace = new["metadata"]["namespace"]
    named = [Key(namespace, name) for name in sorted(changed_versions(old, new))]
    digests = (str(Key(namespace, digest)) for digest in changed_rejections(old, new))
    refused = (key for digest in digests for key in world.keys(MODEL_VERSIONS_BY_DIGEST, digest))
    return dict.fromkeys((*named, *refused))


def concerned_by_deployment(deployment: Manifest, _world: World) -> Iterable[Key]:
    """The versions that a ModelDeployment serves."""
    return [Key(*value.split("/", 1)) for value in _served(deployment)]


def concerned_by_deployment_change(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
    """The versions that a ModelDeployment served or serves, where that has changed."""
    if view_served(old) == view_served(new):
        return ()
    return dict.fromkeys((*concerned_by_deployment(old, world), *concerned_by_deployment(new, world)))


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A ModelVersion and everything that concerns it.

    Attributes:
        obj: the object as it is stored.
        model: what its Model says of it; None where the Model is not there.
        results: gate results that open Promotions wait for.
        waiting: names of its Promotions that are not decided yet.
        rejections: of its artifact, as its Model remembers them.
        deployments: those that serve it, by name.
        jobs: its verifications' Jobs.
        job: the Job of the verification at work, or None.
        pods: that Job's pods; None where they were not read.
        reads: all that was read, which explains why the pods do not run.
        training: the TrainingJob that its lineage names, where it is asked which folder it had; else None.
    """

    obj: Manifest
    spec: ModelVersionSpec
    status: ModelVersionStatus
    model: VersionInModel | None = None
    results: Sequence[GateResult] = ()
    waiting: frozenset[str] = frozenset()
    rejections: Sequence[Rejection] = ()
    deployments: Sequence[ServedFact] = ()
    jobs: Sequence[Manifest] = ()
    job: Manifest | None = None
    pods: Sequence[Manifest] | None = None
    reads: Reads = field(default_factory=dict)
    training: Manifest | None = None


def current_job(obj: Manifest, status: ModelVersionStatus, jobs: Sequence[Manifest]) -> Manifest | None:
    """The Job of the verification at work, if it is there and ours."""
    return verification(obj, status.attempts).names.find(jobs)


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
    uid = obj["metadata"]["uid"]
    ref = VersionRef(name=key.name, uid=uid, digest=spec.artifact.digest)
    waiting = open_promotions(key, world)
    recorded = frozenset(entry.evaluation_uid for entry in status.gates)
    results = gate_results(ref, key.namespace, world, promotions=waiting, recorded=recorded)
    in_model = version_in_model(model, name=key.name, uid=uid, uri=spec.artifact.uri) if model is not None else None
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        model=in_model,
        results=tuple(islice(results, MAX_GATE_RESULTS)),
        waiting=waiting,
        rejections=rejections_of(model, spec.artifact.digest),
        deployments=world.facts(DEPLOYMENTS_BY_VERSION, str(key)),
        jobs=jobs,
        job=job,
        pods=reads.get(PodsOfJob.of(job)) if job is not None else None,
        reads=reads,
        training=_training(key.namespace, spec, status, world, retention=in_model is not None and in_model.retention),
    )


def _training(
    namespace: str, spec: ModelVersionSpec, status: ModelVersionStatus, world: World, *, retention: bool
) -> Manifest | None:
    """The TrainingJob that the lineage names, while the version is being verified.

    A version that was verified before is asked about only where its Model has a retention policy, so that no other one
    is written again.
    """
    trained_by = spec.lineage.training_job
    if trained_by is None or status.run_folder is not None or (status.verified_at is not None and not retention):
        return None
    return world.get(TRAINING_JOBS, Key(namespace, trained_by.name))
