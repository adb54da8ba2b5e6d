"""What is counted when a status is written: trainings that ended, aliases that moved, rollouts. No label has a name."""

from collections.abc import Iterator
from typing import Any, Final

from prometheus_client import Counter, Gauge

from mlops_operator.api.conditions import READY, condition_of
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingPhase, TrainingReason
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS, MODELS, TRAINING_JOBS, Resource

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
