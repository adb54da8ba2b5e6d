# SPDX-License-Identifier: Apache-2.0
"""What the removal of artifacts sees: versions and runs with their files, who uses them, and the Jobs that remove.

Only a Model with a retention policy, or with a removal at work, looks at any of this.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from mlops_operator.api.conditions import READY, condition_of, holds, parse_timestamp
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.retention import AnyRemoval, KeptReason, Removal, RunRemoval
from mlops_operator.controllers.model import uses
from mlops_operator.controllers.model.policies.retention import Artifact, Use
from mlops_operator.controllers.model.policies.runs import Run, runs_of
from mlops_operator.controllers.model.render import removal_job_names
from mlops_operator.controllers.shared import job_reads, jobs
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_MODEL, by_reference, key_of
from mlops_operator.controllers.shared.models import every_removal, run_removals_of
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, TRAINING_JOBS
from mlops_operator.runtime.cache.index import FactIndex
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import PodsOfJob, Read

Runs = tuple[Run, ...]


def _model_of_runs(training: Manifest) -> Iterable[str]:
    return by_reference("model")(training) if runs_of(training) else ()


_RUNS_BY_MODEL: Final = FactIndex[Runs](TRAINING_JOBS, "runs-without-version", _model_of_runs, runs_of)
"""The runs of TrainingJobs that made no version, by the Model."""

INDEXES: Final = (*uses.INDEXES, _RUNS_BY_MODEL, job_reads.PENDING_JOBS)


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
    """The versions and runs of a Model, as the removal of their files sees them.

    Attributes:
        versions: by UID.
        runs: those that made no version and whose files were not removed.
        recorded: folders that TrainingJobs record as removed, by the UID of those of which a removal is at work.
        uses: why files are kept, by UID of the version or folder of the run, but for aliases; as the caches show it.
        fresh: the same by reads from the API server; None where nothing was read.
        jobs: the removal Jobs of the Model.
        reads: pods of the Job at work, and what explains that they do not run.
    """

    versions: Mapping[str, Held]
    runs: Sequence[Run] = ()
    recorded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    uses: Mapping[str, Use]
    fresh: Mapping[str, Use] | None = None
    jobs: Sequence[Manifest] = ()
    reads: Reads = field(default_factory=dict)

    def pods(self, job: Manifest) -> Sequence[Manifest] | None:
        """Its pods; None where they were not read."""
        return self.reads.get(PodsOfJob.of(job))

    def given_up(self, removal: AnyRemoval) -> bool | None:
        """Whether the object whose files go says so; None where it is not there."""
        if isinstance(removal, Removal):
            held = self.versions.get(removal.version_uid)
            return held.removed if held is not None else None
        recorded = self.recorded.get(removal.training_job_uid)
        return removal.folder in recorded if recorded is not None else None


def concerned(obj: Manifest) -> bool:
    """Whether a Model looks at files at all."""
    return bool((obj.get("spec") or {}).get("retention") or (obj.get("status") or {}).get("retention"))


def at_work(removals: Iterable[AnyRemoval]) -> AnyRemoval | None:
    """The removal whose Job is at work or next: one that has started, those that have failed after the others."""
    return min(
        (entry for entry in removals if entry.started_at is not None),
        key=lambda entry: entry.failed_at or "",
        default=None,
    )


def wanted_reads(obj: Manifest, world: World, now: datetime, *, settle: float) -> Iterator[Read]:
    """What the next step of a removal has to read.

    Args:
        settle: seconds for which a version must have been out of use before the last check.
    """
    removals = every_removal(obj)
    if (started := at_work(removals)) is not None:
        job = removal_job_names(obj, started).find(world.owned(JOBS, obj["metadata"]["uid"]))
        if job is not None:
            yield from job_reads.reads(job, world, now)
    namespace = obj["metadata"]["namespace"]
    if any(_is_due(entry, namespace, world, now, settle=settle) for entry in removals):
        yield from uses.reads_of_uses(namespace)


def _is_due(entry: AnyRemoval, namespace: str, world: World, now: datetime, *, settle: float) -> bool:
    """Whether the uses of the files are read once more."""
    if isinstance(entry, RunRemoval):
        return is_settled(entry, None, now, settle=settle)
    version = world.get(MODEL_VERSIONS, Key(namespace, entry.version))
    return version is not None and is_settled(entry, _held(version, 0), now, settle=settle)


def is_settled(removal: AnyRemoval, held: Held | None, now: datetime, *, settle: float) -> bool:
    """Whether nothing new has been able to use the files for long enough, so that what uses them can be read."""
    return removal.started_at is None and (at := settles_at(removal, held, settle=settle)) is not None and now >= at


def settles_at(removal: AnyRemoval, held: Held | None, *, settle: float) -> datetime | None:
    """When that is so; None while the version is Ready. `held` is None for a run, which nothing uses by its state."""
    since = parse_timestamp(removal.marked_at)
    if held is not None:
        if held.ready:
            return None
        since = max(since, held.unready_since or since)
    return since + timedelta(seconds=settle)


def observe_retained(obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Retained:
    """The versions and runs of the Model, and who uses them."""
    key = key_of(obj)
    versions = _versions(obj, world)
    runs = _runs(key, versions, world)
    artifacts = [entry.artifact for entry in versions.values() if entry.artifact.folder and not entry.removed]
    places = [*map(uses.place_of_version, artifacts), *map(uses.place_of_run, runs)]
    return Retained(
        versions=versions,
        runs=runs,
        recorded=_recorded(obj, world),
        uses={**uses.cached_uses(key.namespace, places, world), **dict(_running(runs, world))},
        fresh=uses.fresh_uses(key.namespace, places, reads),
        jobs=world.owned(JOBS, obj["metadata"]["uid"]),
        reads=reads,
    )


def _versions(obj: Manifest, world: World) -> dict[str, Held]:
    key = key_of(obj)
    numbers = {entry["uid"]: entry["number"] for entry in (obj.get("status") or {}).get("versions") or ()}
    facts = world.facts(MODEL_VERSIONS_BY_MODEL, str(key))
    found = [world.get(MODEL_VERSIONS, Key(key.namespace, fact.name)) for fact in facts]
    held = (_held(version, numbers.get(version["metadata"]["uid"], 0)) for version in found if version is not None)
    return {entry.artifact.uid: entry for entry in held}


def _runs(key: Key, versions: Mapping[str, Held], world: World) -> list[Run]:
    """The runs that made no version, but for what went with the files of a version of the same TrainingJob."""
    gone = {entry.artifact.folder for entry in versions.values() if entry.removed}
    runs = (run for found in world.facts(_RUNS_BY_MODEL, str(key)) for run in found)
    return [run for run in runs if run.folder.rpartition("/")[0] not in gone]


def _running(runs: Iterable[Run], world: World) -> Iterator[tuple[str, Use]]:
    for run in runs:
        job = next((job for job in world.owned(JOBS, run.uid) if jobs.may_run(job)), None)
        if job is not None:
            yield run.folder, Use(KeptReason.RUNNING, f"a pod of Job {job['metadata']['name']} may still run")


def _recorded(obj: Manifest, world: World) -> dict[str, frozenset[str]]:
    found = {}
    for removal in run_removals_of(obj):
        training = world.get(TRAINING_JOBS, Key(obj["metadata"]["namespace"], removal.training_job))
        if training is not None and training["metadata"]["uid"] == removal.training_job_uid:
            found[removal.training_job_uid] = frozenset((training.get("status") or {}).get("removedFolders") or ())
    return found


def _held(version: Manifest, number: int) -> Held:
    metadata, status = version["metadata"], version.get("status") or {}
    artifact = (version.get("spec") or {}).get("artifact") or {}
    ready = holds(version, READY)
    since = condition_of(version, READY).get("lastTransitionTime")
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
        uses.is_removed(version),
    )
