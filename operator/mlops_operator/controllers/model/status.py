"""The status of a Model: its numbers and aliases, and how it is."""

from collections.abc import Container, Sequence
from datetime import datetime

from mlops_operator.api.conditions import Outcome, contract, ready, stalled, working
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import AliasStatus, ModelPhase, ModelReason, ModelSpec, ModelStatus
from mlops_operator.controllers.model.policies.numbering import Numbers


def outcome_of(spec: ModelSpec, aliases: Sequence[AliasStatus], numbers: Numbers, present: Container[str]) -> Outcome:
    """How a Model is; `present` are the UIDs of its versions.

    An alias that points at nothing is a state like any other, not a fault: whoever waits for
    the Model to be ready must not wait for its first training.
    """
    if numbers.unnumbered:
        message = (
            f"{numbers.unnumbered} versions have no number: a Model keeps {len(numbers.versions)}; delete old versions"
        )
        return stalled(ModelReason.TOO_MANY_VERSIONS, message)
    lost = [entry for entry in aliases if entry.version_uid not in present]
    if lost:
        words = "; ".join(
            f"{entry.name} points at {entry.version} (UID {entry.version_uid}), which was deleted" for entry in lost
        )
        return working(ModelReason.ALIAS_TARGET_MISSING, f"{words}: promote another version")
    pointing = {entry.name for entry in aliases}
    unset = [alias.name for alias in spec.aliases if alias.name not in pointing]
    if unset:
        return ready(ModelReason.ALIAS_UNSET, f"{', '.join(unset)}: no version has been promoted yet")
    return ready(ModelReason.RECONCILED, f"{len(numbers.versions)} versions")


def say(obj: Manifest, status: ModelStatus, now: datetime, outcome: Outcome) -> ModelStatus:
    """`status` with the conditions that follow from the outcome."""
    generation = obj["metadata"]["generation"]
    if outcome.reason == ModelReason.INVALID_SPEC:
        phase = ModelPhase.INVALID
    else:
        phase = ModelPhase.DEGRADED if outcome.stalled or outcome.reconciling else ModelPhase.READY
    return status.replace(
        observed_generation=generation,
        phase=phase.value,
        conditions=contract(status.conditions, outcome, generation=generation, now=now),
    )
