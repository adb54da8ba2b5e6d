# SPDX-License-Identifier: Apache-2.0
"""What is counted when a status is written: trainings that ended, aliases that moved, rollouts, removed files.

No label has a name.
"""

from collections.abc import Iterator
from typing import Any, Final

from prometheus_client import Counter, Gauge

from mlops_operator.api.conditions import READY, condition_of
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingPhase, TrainingReason
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, TRAINING_JOBS, Resource

TRAININGS: Final = Counter(
    "mlops_operator_trainings_total", "TrainingJobs that ended, by phase and reason.", ["phase", "reason"]
)
ALIAS_CHANGES: Final = Counter(
    "mlops_operator_alias_changes_total",
    "Aliases of Models that moved to another version (Moved) or were removed from the spec (Removed).",
    ["change"],
)
ROLLOUTS: Final = Counter(
    "mlops_operator_rollouts_total",
    "Rollouts of ModelDeployments that began (Started), or ended: the candidate took over (Promoted), it was stopped "
    "(Stopped), or the former revision took the requests back (RolledBack).",
    ["result"],
)
REMOVED_ARTIFACTS: Final = Counter(
    "mlops_operator_removed_artifacts_total",
    "ModelVersions, and folders of TrainingJobs without a version, whose files a retention policy removed.",
    ["kind"],
)
REMOVED_BYTES: Final = Counter("mlops_operator_removed_artifact_bytes_total", "Bytes that retention policies removed.")
FAILED_REMOVALS: Final = Counter(
    "mlops_operator_failed_removals_total", "Jobs of retention policies that failed to remove files.", ["kind"]
)
LISTED_ARTIFACTS: Final = Gauge(
    "mlops_operator_listed_artifacts",
    "ModelVersions, and folders of TrainingJobs without a version, that are beyond a retention policy and not in use.",
    ["kind"],
)
STALLED_OBJECTS: Final = Gauge(
    "mlops_operator_stalled_objects",
    "Objects whose condition Stalled is True: they need a change by the user. By kind, in lower case.",
    ["controller"],
)

_ENDS: Final = frozenset({TrainingPhase.SUCCEEDED, TrainingPhase.FAILED})
_REASONS: Final = frozenset(TrainingReason)
_OTHER: Final = "Other"
"""Stands for a word that is no documented reason: a run may give any."""


def count(resource: Resource, before: Manifest, after: Manifest) -> None:
    """Count what is new in a status."""
    if resource == TRAINING_JOBS:
        if after.get("phase") in _ENDS and before.get("phase") != after["phase"]:
            reason = condition_of({"status": after}, READY).get("reason")
            TRAININGS.labels(after["phase"], reason if reason in _REASONS else _OTHER).inc()
    elif resource == MODELS:
        for change in _alias_changes(before, after):
            ALIAS_CHANGES.labels(change).inc()
        _removals(before.get("retention") or {}, after.get("retention") or {})
    elif resource == MODEL_DEPLOYMENTS:
        for result in _rollouts(before, after):
            ROLLOUTS.labels(result).inc()


def _alias_changes(before: Manifest, after: Manifest) -> Iterator[str]:
    former = {entry["name"]: entry for entry in before.get("aliases") or ()}
    for entry in after.get("aliases") or ():
        old = former.pop(entry["name"], None)
        if old is None or old.get("promotionUid") != entry.get("promotionUid"):
            yield "Moved"
    for _ in former:
        yield "Removed"


def listed(model: Manifest | None) -> dict[str, int]:
    """What a Model lists beyond its policy, by the kind whose files they are; kinds without any are left out."""
    retention = ((model or {}).get("status") or {}).get("retention") or {}
    return {kind: found["listed"] for kind, found in _by_kind(retention).items() if found.get("listed")}


def _by_kind(retention: Manifest) -> dict[str, Manifest]:
    return {MODEL_VERSIONS.kind: retention, TRAINING_JOBS.kind: retention.get("runs") or {}}


def _removals(before: Manifest, after: Manifest) -> None:
    old = _by_kind(before)
    for kind, found in _by_kind(after).items():
        # A policy that is taken away takes its counts along.
        REMOVED_ARTIFACTS.labels(kind).inc(max(0, found.get("removed", 0) - old[kind].get("removed", 0)))
        failures = {entry["folder"]: entry.get("failures", 0) for entry in old[kind].get("removals") or ()}
        for entry in found.get("removals") or ():
            FAILED_REMOVALS.labels(kind).inc(entry.get("failures", 0) - failures.get(entry["folder"], 0))
    REMOVED_BYTES.inc(max(0, after.get("removedSize", 0) - before.get("removedSize", 0)))


def _rollouts(before: Manifest, after: Manifest) -> Iterator[str]:
    stable = _revision(after, "stable")
    if stable is not None and stable != _revision(before, "stable"):
        yield "RolledBack" if stable == _revision(before, "former") else "Promoted"
    candidate, old = after.get("candidate"), before.get("candidate")
    if candidate and (not old or _attempt(candidate) != _attempt(old)):
        yield "Started"
    stopped, known = after.get("stopped"), before.get("stopped")
    if stopped and (not known or stopped.get("at") != known.get("at")):
        yield "Stopped"


def _revision(status: Manifest, field: str) -> str | None:
    found: str | None = (status.get(field) or {}).get("revision")
    return found


def _attempt(candidate: Manifest) -> tuple[Any, Any]:
    return candidate.get("revision"), candidate.get("startedAt")
