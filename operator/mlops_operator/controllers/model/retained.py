"""What the removal of artifacts sees: the versions with their files, who uses them, and the Jobs that remove.

Only a Model with a retention policy, or with a removal at work, looks at any of this.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from mlops_operator.api.conditions import READY, condition_of, holds, parse_timestamp
from mlops_operator.api.evaluation import EvaluationPhase
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.modelversion import ModelVersionReason
from mlops_operator.api.promotion import TERMINAL as DECIDED
from mlops_operator.api.retention import KeptReason, Removal
from mlops_operator.api.trainingjob import TrainingPhase
from mlops_operator.controllers.model.policies.retention import Artifact, Use
from mlops_operator.controllers.model.render import removal_job_names
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_MODEL, key_of
from mlops_operator.controllers.shared.mentions import SPEC_AND_STATUS, mentions
from mlops_operator.controllers.shared.models import removals_of
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.shared.stores import training_folders
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.controller import Index, World
from mlops_operator.runtime.plan import ObjectsIn, PodsOfJob, Read


class User(NamedTuple):
    """A kind whose objects use versions.

    Attributes:
        final: phases in which an object uses nothing any more.
        parts: the parts of an object in which it names what it uses. A Model's status names all of its versions; what
            its aliases keep is decided by `policies/alias_uses.py`.
    """

    resource: Resource
    final: frozenset[str] = frozenset()
    parts: Sequence[str] = SPEC_AND_STATUS


USERS: Final = (
    User(MODEL_DEPLOYMENTS),
    User(PROMOTIONS, final=frozenset(DECIDED)),
    User(EVALUATIONS, final=frozenset({EvaluationPhase.SUCCEEDED, EvaluationPhase.FAILED})),
    User(TRAINING_JOBS, final=frozenset({TrainingPhase.SUCCEEDED, TrainingPhase.FAILED})),
    User(MODEL_MONITORS),
    User(RETRAIN_POLICIES),
    User(MODELS, parts=("spec",)),
)


def _in_use(user: User, obj: Manifest) -> bool:
    return (obj.get("status") or {}).get("phase") not in user.final


def _namespace_of(user: User) -> Callable[[Manifest], Iterable[str]]:
    return lambda obj: (obj["metadata"]["namespace"],) if _in_use(user, obj) else ()


_USERS_BY_NAMESPACE: Final = tuple((user, Index(user.resource, "version-user", _namespace_of(user))) for user in USERS)


def _folders(version: Manifest) -> Iterable[str]:
    spec = version.get("spec") or {}
    files = [spec.get(name) for name in ("artifact", "goldenRequests", "trainingRows")]
    files.append((spec.get("lineage") or {}).get("environment"))
    namespace = version["metadata"]["namespace"]
    uris = (str(entry["uri"]) for entry in files if isinstance(entry, dict) and entry.get("uri"))
    return sorted({f"{namespace}/{folder}" for uri in uris for folder in training_folders(uri)})


_VERSIONS_BY_FOLDER: Final = Index(MODEL_VERSIONS, "run-folder", _folders)
"""ModelVersions by the folders that may be those of TrainingJobs and hold files of theirs."""

INDEXES: Final = (*(index for _, index in _USERS_BY_NAMESPACE), _VERSIONS_BY_FOLDER, job_reads.PENDING_JOBS)


class Held(NamedTuple):
    """A ModelVersion whose files may be there.

    Attributes:
        ready: whether it is Ready.
        unready_since: when it ceased to be; None where it is Ready or never was.
        removed: whether its status says that its files are removed.
    """

    artifact: Artifact
    ready: bool
    unready_since: datetime | None
    removed: bool


@dataclass(frozen=True, kw_only=True)
class Retained:
    """The versions of a Model, as their removal sees them.

    Attributes:
        versions: by UID.
        uses: why versions are kept, by UID, but for aliases; as the caches show it.
        fresh: the same by reads from the API server; None where nothing was read.
        jobs: the removal Jobs of the Model.
        reads: pods of the Job at work, and what explains that they do not run.
    """

    versions: Mapping[str, Held]
    uses: Mapping[str, Use]
    fresh: Mapping[str, Use] | None = None
    jobs: Sequence[Manifest] = ()
    reads: Reads = field(default_factory=dict)

    def pods(self, job: Manifest) -> Sequence[Manifest] | None:
        """Its pods; None where they were not read."""
        return self.reads.get(PodsOfJob.of(job))


def concerned(obj: Manifest) -> bool:
    """Whether a Model looks at the files of its versions at all."""
    return bool((obj.get("spec") or {}).get("retention") or (obj.get("status") or {}).get("retention"))


def wanted_reads(obj: Manifest, world: World, now: datetime, *, settle: float) -> Iterator[Read]:
    """What the next step of a removal has to read.

    Args:
        settle: seconds for which a version must have been out of use before the last check.
    """
    removals = removals_of(obj)
    if (started := next((entry for entry in removals if entry.started_at is not None), None)) is not None:
        job = _job(obj, started, world.owned(JOBS, obj["metadata"]["uid"]))
        if job is not None:
            yield from job_reads.reads(job, world, now)
    namespace = obj["metadata"]["namespace"]
    for entry in removals:
        version = world.get(MODEL_VERSIONS, Key(namespace, entry.version))
        if version is not None and is_settled(entry, _held(version, 0), now, settle=settle):
            yield from (ObjectsIn(resource=user.resource, namespace=namespace) for user in USERS)
            yield ObjectsIn(resource=MODEL_VERSIONS, namespace=namespace)
            return


def is_settled(removal: Removal, held: Held, now: datetime, *, settle: float) -> bool:
    """Whether nothing new has been able to use a version for long enough, so that what uses it can be read."""
    return removal.started_at is None and (at := settles_at(removal, held, settle=settle)) is not None and now >= at


def settles_at(removal: Removal, held: Held, *, settle: float) -> datetime | None:
    """When that is so; None while the version is Ready."""
    if held.ready:
        return None
    since = parse_timestamp(removal.marked_at)
    return max(since, held.unready_since or since) + timedelta(seconds=settle)


def observe_retained(obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Retained:
    """The versions of the Model, and who uses them."""
    key = key_of(obj)
    numbers = {entry["uid"]: entry["number"] for entry in (obj.get("status") or {}).get("versions") or ()}
    facts = world.facts(MODEL_VERSIONS_BY_MODEL, str(key))
    found = [world.get(MODEL_VERSIONS, Key(key.namespace, fact.name)) for fact in facts]
    held = [_held(version, numbers.get(version["metadata"]["uid"], 0)) for version in found if version is not None]
    versions = {entry.artifact.uid: entry for entry in held}
    artifacts = [entry.artifact for entry in held if entry.artifact.folder and not entry.removed]
    return Retained(
        versions=versions,
        uses=_uses(artifacts, _cached_users(key.namespace, world), _cached_sharers(key.namespace, artifacts, world)),
        fresh=_fresh_uses(key.namespace, artifacts, reads),
        jobs=world.owned(JOBS, obj["metadata"]["uid"]),
        reads=reads,
    )


def _job(obj: Manifest, removal: Removal, jobs: Sequence[Manifest]) -> Manifest | None:
    return removal_job_names(obj, removal).find(jobs)


def _held(version: Manifest, number: int) -> Held:
    metadata, status = version["metadata"], version.get("status") or {}
    artifact = (version.get("spec") or {}).get("artifact") or {}
    condition = condition_of(version, READY)
    ready = holds(version, READY)
    since = condition.get("lastTransitionTime")
    return Held(
        Artifact(
            number,
            metadata["name"],
            metadata["uid"],
            artifact.get("digest") or "",
            metadata["creationTimestamp"],
            status.get("runFolder") or "",
            artifact.get("size") or 0,
        ),
        ready,
        parse_timestamp(since) if since and not ready else None,
        condition.get("reason") == ModelVersionReason.ARTIFACT_REMOVED,
    )


Named = tuple[str, str, frozenset[str]]
"""Kind and name of an object, and what it mentions."""


def _named(user: User, obj: Manifest) -> Named:
    return user.resource.kind, obj["metadata"]["name"], mentions(obj, user.parts)


def _cached_users(namespace: str, world: World) -> Iterator[Named]:
    for user, index in _USERS_BY_NAMESPACE:
        for obj in world.indexed(index, namespace):
            yield _named(user, obj)


def _cached_sharers(namespace: str, artifacts: Sequence[Artifact], world: World) -> Iterator[Manifest]:
    for folder in {artifact.folder for artifact in artifacts}:
        yield from world.indexed(_VERSIONS_BY_FOLDER, f"{namespace}/{folder}")


def _fresh_uses(
    namespace: str, artifacts: Sequence[Artifact], reads: Mapping[Read, Sequence[Manifest]]
) -> Mapping[str, Use] | None:
    versions = reads.get(ObjectsIn(resource=MODEL_VERSIONS, namespace=namespace))
    if versions is None:
        return None
    users = (
        _named(user, obj)
        for user in USERS
        for obj in reads[ObjectsIn(resource=user.resource, namespace=namespace)]
        if _in_use(user, obj)
    )
    return _uses(artifacts, users, versions)


def _uses(artifacts: Sequence[Artifact], users: Iterable[Named], sharers: Iterable[Manifest]) -> dict[str, Use]:
    """Why versions are kept, by UID: the first object that names one, or another version with files in its folder."""
    uses: dict[str, Use] = {}
    for kind, name, mentioned in users:
        for artifact in artifacts:
            if not mentioned.isdisjoint((artifact.uid, artifact.digest, artifact.name, artifact.folder)):
                uses.setdefault(artifact.uid, Use(KeptReason.IN_USE, f"{kind} {name} names it"))
    for version in sharers:
        metadata = version["metadata"]
        if _held(version, 0).removed:
            continue
        folders = frozenset(folder.partition("/")[2] for folder in _folders(version))
        for artifact in artifacts:
            if artifact.folder in folders and artifact.uid != metadata["uid"]:
                message = f"ModelVersion {metadata['name']} has files in {artifact.folder}"
                uses.setdefault(artifact.uid, Use(KeptReason.SHARED_FILES, message))
    return uses
