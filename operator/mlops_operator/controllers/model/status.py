# SPDX-License-Identifier: Apache-2.0
"""The status of a Model: its numbers and aliases, and how it is."""

from collections.abc import Sequence
from datetime import datetime

from mlops_operator.api.conditions import Outcome, Truth, contract, ready, stalled, working
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Alias, AliasStatus, ModelPhase, ModelReason, ModelStatus
from mlops_operator.controllers.model.observed import Observed, Refusal
from mlops_operator.controllers.model.policies.numbering import Numbers
from mlops_operator.controllers.model.policies.restore import RestoreProblem


def outcome_of(
    obs: Observed, aliases: Sequence[AliasStatus], numbers: Numbers, *, under_way: Sequence[str] = ()
) -> Outcome:
    """How a Model is, given where its aliases point now, and which are `under_way` to their first version.

    An alias that points at nothing is a state like any other, not a fault: whoever waits for
    the Model to be ready must not wait for its first training.
    """
    if numbers.unnumbered:
        message = (
            f"{numbers.unnumbered} versions have no number: a Model keeps {len(numbers.versions)}; delete old versions"
        )
        return stalled(ModelReason.TOO_MANY_VERSIONS, message)
    pointing = {entry.name for entry in aliases}
    unset = [alias for alias in obs.spec.aliases if alias.name not in pointing]
    problems = {name: found.problem for name, found in obs.restorations.items() if found.problem is not None}
    if waits := {alias.name: problems[alias.name] for alias in unset if alias.name in problems}:
        words = "; ".join(f"spec.aliases[{name}].restore: {problem.message}" for name, problem in waits.items())
        if any(problem.permanent for problem in waits.values()):
            return stalled(ModelReason.RESTORE_INVALID, f"{words}. Correct restore, or remove it")
        return working(ModelReason.RESTORE_PENDING, f"{words}. Nothing else moves the alias until then")
    lost = [entry for entry in aliases if entry.version_uid not in obs.present]
    if lost:
        words = "; ".join(_lost(entry, problems.get(entry.name)) for entry in lost)
        return working(ModelReason.ALIAS_TARGET_MISSING, f"{words}: promote another version")
    return _of_unset(obs, unset, numbers, under_way)


def _of_unset(obs: Observed, unset: Sequence[Alias], numbers: Numbers, under_way: Sequence[str]) -> Outcome:
    """How a Model is by its aliases that point at nothing."""
    if under_way:
        message = f"{', '.join(under_way)}: no version has been promoted yet; the first one is verified or measured"
        return working(ModelReason.BOOTSTRAPPING, message, ready=Truth.TRUE)
    if unset:
        words = ", ".join(alias.name for alias in unset if alias.name not in obs.refusals)
        words = f"{words}: no version has been promoted yet" if words else ""
        refusals = [_refused(alias, obs.refusals[alias.name]) for alias in unset if alias.name in obs.refusals]
        return ready(ModelReason.ALIAS_UNSET, "; ".join(filter(None, (words, *refusals))))
    return ready(ModelReason.RECONCILED, f"{len(numbers.versions)} versions")


def _lost(entry: AliasStatus, problem: RestoreProblem | None) -> str:
    words = f"{entry.name} points at {entry.version} (UID {entry.version_uid}), which was deleted"
    return f"{words}, and is not restored from the backup: {problem.message}" if problem is not None else words


def _refused(alias: Alias, refusal: Refusal) -> str:
    """An alias that points at nothing, with the latest Promotion and what the user can do."""
    again = "its versions are tried again when the gate is changed" if alias.bootstrap else "create another Promotion"
    return (
        f"{alias.name}: no version has been promoted yet; Promotion {refusal.promotion} of {refusal.version} was"
        f" rejected ({refusal.reason}: {refusal.message}): change the gate or train another version; {again}"
    )


def say(obj: Manifest, status: ModelStatus, now: datetime, outcome: Outcome) -> ModelStatus:
    """`status` with the conditions that follow from the outcome."""
    generation = obj["metadata"]["generation"]
    if outcome.reason == ModelReason.INVALID_SPEC:
        phase = ModelPhase.INVALID
    else:
        phase = ModelPhase.READY if outcome.ready is Truth.TRUE else ModelPhase.DEGRADED
    return status.replace(
        observed_generation=generation,
        phase=phase.value,
        conditions=contract(status.conditions, outcome, generation=generation, now=now),
    )
