# SPDX-License-Identifier: Apache-2.0
"""All that the plan of a TrainingJob sees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mlops_contract import ResultInvalidError
from mlops_operator.api.meta import Key, Manifest, controller_reference
from mlops_operator.api.trainingjob import (
    Attempt,
    AttemptOutcome,
    TrainingJobSpec,
    TrainingJobStatus,
    TrainingPhase,
)
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.holdout import model_holdout
from mlops_operator.controllers.shared.indexes import by_reference
from mlops_operator.controllers.shared.owners import deleted_owner
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.trainingjob.environment import (
    environment,
    require_deliverable,
    require_distinct_variables,
)
from mlops_operator.controllers.trainingjob.inputs import declared_digest, image_of, inputs_digest
from mlops_operator.controllers.trainingjob.names import (
    ANNOTATION_DECLARED,
    ANNOTATION_RESTORED_FROM,
    job_names,
    run_uid,
    service_name_of,
)
from mlops_operator.controllers.trainingjob.policies import ranks, stopping
from mlops_operator.controllers.trainingjob.policies.restored import made_before
from mlops_operator.controllers.trainingjob.spec_digest import spec_digest
from mlops_operator.framework.rejections import standing_refusal
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, RETRAIN_POLICIES, SERVICES, TRAINING_JOBS
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import PodsOfJob, Read

TERMINAL: Final = frozenset({TrainingPhase.SUCCEEDED, TrainingPhase.FAILED})


def _made_by(version: Manifest) -> Sequence[str]:
    trained_by = ((version.get("spec") or {}).get("lineage") or {}).get("trainingJob") or {}
    return [trained_by["uid"]] if "uid" in trained_by else []


VERSIONS_BY_TRAINING_JOB: Final = Index(MODEL_VERSIONS, "trainingjob-uid", _made_by)
"""Versions by the UID of the TrainingJob that made them."""

VERSIONS_BY_TRAINING_JOB_NAME: Final = Index(
    MODEL_VERSIONS, "trainingjob-name", by_reference("lineage", "trainingJob", "name")
)
"""Versions by the name of the TrainingJob that made them, which may be another object."""


def restored_from(obj: Manifest) -> str | None:
    """Name of the ModelVersion that the TrainingJob made, as its backup says; None where it is from no backup."""
    return (obj["metadata"].get("annotations") or {}).get(ANNOTATION_RESTORED_FROM) or None


def waiting_for_version(version: Manifest, world: World) -> Iterable[Key]:
    """For a watch: the TrainingJob from a backup that does not start before this version exists."""
    for name in by_reference("lineage", "trainingJob", "name")(version):
        key = Key(*name.split("/", 1))
        training = world.get(TRAINING_JOBS, key)
        if training is not None and restored_from(training) is not None:
            yield key


def _unfinished_model(obj: Manifest) -> Iterable[str]:
    return () if (obj.get("status") or {}).get("phase") in TERMINAL else by_reference("model")(obj)


UNFINISHED_BY_MODEL: Final = Index(TRAINING_JOBS, "unfinished-model", _unfinished_model)
"""TrainingJobs that have not ended, by their Model."""

INDEXES: Final = (UNFINISHED_BY_MODEL, VERSIONS_BY_TRAINING_JOB, VERSIONS_BY_TRAINING_JOB_NAME)


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A TrainingJob and everything that concerns it.

    Attributes:
        obj: the object as it is stored.
        attempt: index of the attempt that is to be made or is at work: the number of those that have ended.
        job: the Job of that attempt, or None.
        service_name: name of the headless Service by which the pods of the attempt find each other.
        service: that Service, or None.
        model: the Model it names, or None.
        versions: ModelVersions that name it as what made them, by name.
        made_before: ModelVersion that a TrainingJob with this name and spec made; looked for before the first attempt.
        deleted_owner: what controls it and does not exist, in words; looked for before the first attempt.
        awaited: name of the ModelVersion that it was restored from, while that does not exist.
        pods: the Job's pods; None where they were not read.
        reads: all that was read, which explains why the pods do not run.
    """

    obj: Manifest
    spec: TrainingJobSpec
    status: TrainingJobStatus
    attempt: int
    service_name: str
    job: Manifest | None = None
    service: Manifest | None = None
    model: Manifest | None = None
    versions: Mapping[str, Manifest] = field(default_factory=dict)
    made_before: Manifest | None = None
    deleted_owner: str | None = None
    awaited: str | None = None
    pods: Sequence[Manifest] | None = None
    reads: Reads = field(default_factory=dict)

    @property
    def generation(self) -> int:
        """The generation of the spec."""
        return int(self.obj["metadata"]["generation"])

    @property
    def finished(self) -> bool:
        """Whether it has ended; nothing changes that."""
        return finished(self.status)

    @property
    def inputs_digest(self) -> str | None:
        """Digest of the inputs of the attempt at work, which has ended; None where something of them is not known."""
        if self.job is None:
            return None
        if (record := ranks.kept(self.status, self.attempt)) is not None and 0 in ranks.indexes(record):
            return record.inputs_digest
        pods = self.pods or ()
        result = jobs.reported(pods, uid=run_uid(self.obj, self.attempt))
        told = None if isinstance(result, ResultInvalidError) else result
        return inputs_digest(self.job, jobs.first_replica(pods), told)

    @property
    def refused(self) -> bool:
        """Whether the API server refused this very spec: another try waits until it is changed."""
        return standing_refusal(self.status, generation=self.generation) is not None


def finished(status: TrainingJobStatus) -> bool:
    """Whether a status is final."""
    return status.phase in TERMINAL


def with_finished_ranks(obs: Observed, job: Manifest, settings: Settings) -> Observed:
    """The observation with stand-ins for the pods of ranks that ended well and are gone; see `policies/ranks.py`."""
    record = ranks.kept(obs.status, obs.attempt)
    if record is None or obs.pods is None:
        return obs
    held_out = model_holdout(obs.model) if obs.model is not None else None
    pinned = (job["metadata"].get("annotations") or {}).get(ANNOTATION_DECLARED)
    # A later spec is not what the rank ran with, and then nothing says what that was.
    same = pinned == declared_digest(obs.spec, holdout=held_out)
    env = environment(obs.obj, obs.spec, settings, obs.attempt, holdout=held_out) if same else ()
    return replace(obs, pods=(*obs.pods, *ranks.remembered(job, record, obs.pods, env)))


def keep_finished_ranks(obs: Observed, job: Manifest) -> TrainingJobStatus:
    """The status with what ranks that have ended well leave, while others run on or pods are being stopped."""
    stopped = stopping.needs_pods(job)
    if obs.pods is None or not (stopped or ranks.unseen(job, obs.status, obs.attempt)):
        return obs.status
    if stopped and not ranks.new(obs.status, obs.attempt, obs.pods):
        return obs.status
    image = image_of(jobs.first_replica(obs.pods))
    kept = ranks.keep(obs.attempt, obs.pods, image=image, inputs_digest=obs.inputs_digest)
    return obs.status.replace(finished_ranks=kept)


def ended(status: TrainingJobStatus) -> tuple[Attempt, ...]:
    """The attempts that have ended. An attempt whose Job was deleted while it ran is on record and has not."""
    return tuple(attempt for attempt in status.attempts if attempt.outcome is not None)


def count(status: TrainingJobStatus, outcome: AttemptOutcome) -> int:
    """How many attempts have ended so."""
    return sum(attempt.outcome == outcome for attempt in status.attempts)


def current_job(obj: Manifest, status: TrainingJobStatus, world: World) -> Manifest | None:
    """The Job of the attempt at work, if it is there and ours."""
    return job_names(obj, len(ended(status))).find(world.owned(JOBS, obj["metadata"]["uid"]))


def observe(obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
    """The observation of a TrainingJob.

    Raises:
        InvalidSpecError: its spec cannot be worked with.
    """
    spec = parse_spec(TrainingJobSpec, obj)
    require_distinct_variables(spec)
    require_deliverable(spec)
    status = TrainingJobStatus.of(obj)
    metadata = obj["metadata"]
    job = current_job(obj, status, world)
    attempt = len(ended(status))
    services = world.owned(SERVICES, metadata["uid"])
    service_name = service_name_of(obj, job, attempt)
    owner = deleted_owner(obj, world)
    # A policy that exists has decided to train: only TrainingJobs from a backup have run before.
    by_policy = owner is None and (controller_reference(obj) or {}).get("kind") == RETRAIN_POLICIES.kind
    untried = job is None and not status.attempts and not finished(status)
    model_key = Key(metadata["namespace"], spec.model) if spec.model else None
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        attempt=attempt,
        job=job,
        service_name=service_name,
        service=next((entry for entry in services if entry["metadata"]["name"] == service_name), None),
        model=world.get(MODELS, model_key) if model_key is not None else None,
        versions={
            version["metadata"]["name"]: version for version in world.indexed(VERSIONS_BY_TRAINING_JOB, metadata["uid"])
        },
        awaited=_awaited(obj, world) if untried else None,
        deleted_owner=owner,
        made_before=_made_before(obj, spec, world) if untried and not by_policy else None,
        pods=reads.get(PodsOfJob.of(job)) if job is not None else None,
        reads=reads,
    )


def _awaited(obj: Manifest, world: World) -> str | None:
    name = restored_from(obj)
    known = name is not None and world.contains(MODEL_VERSIONS, Key(obj["metadata"]["namespace"], name))
    return None if known else name


def _made_before(obj: Manifest, spec: TrainingJobSpec, world: World) -> Manifest | None:
    metadata = obj["metadata"]
    versions = world.indexed(VERSIONS_BY_TRAINING_JOB_NAME, str(Key(metadata["namespace"], metadata["name"])))
    if not versions:
        return None
    return made_before(
        versions,
        training_job=metadata["name"],
        model=spec.model,
        spec_digest=spec_digest(spec),
        preferred=restored_from(obj),
    )
