# SPDX-License-Identifier: Apache-2.0
"""What a ModelDeployment's events tell: how a rollout goes and how it ends."""

from collections.abc import Iterator
from typing import Final

from mlops_operator.api.modeldeployment import (
    CandidatePhase,
    CandidateStatus,
    DeploymentReason,
    ModelDeploymentStatus,
    Rollout,
)
from mlops_operator.framework.events import event, transition_events
from mlops_operator.runtime.work.plan import Event

_ROLL_OUT: Final = "RollOut"
_SERVE: Final = "Serve"

_TOLD_OTHERWISE: Final = frozenset(
    {
        DeploymentReason.ROLLING_OUT,
        DeploymentReason.LOADING,
        DeploymentReason.SERVING,
        DeploymentReason.CANDIDATE_STOPPED,
    }
)
"""Reasons of `Ready` whose beginning an event of the rollout tells already."""


def events_of(before: ModelDeploymentStatus, after: ModelDeploymentStatus, rollout: Rollout) -> tuple[Event, ...]:
    """The events of the transition from one status to the next."""
    told = tuple(_rollout(before, after, rollout))
    quiet: set[str] = {*_TOLD_OTHERWISE}
    if after.stopped is not None and after.stopped != before.stopped:
        quiet.add(after.stopped.reason)
    return (*told, *transition_events(before, after, action=_SERVE, quiet=quiet))


def _rollout(before: ModelDeploymentStatus, after: ModelDeploymentStatus, rollout: Rollout) -> Iterator[Event]:
    stable, candidate, stopped = after.stable, after.candidate, after.stopped
    if stable is not None and (before.stable is None or before.stable.revision != stable.revision):
        former = f" in place of {before.stable.version}" if before.stable is not None else ""
        checked = f"; golden requests: {stable.golden.message}" if stable.golden is not None else ""
        if before.former is not None and before.former.revision == stable.revision:
            yield _event("RolledBack", f"{stable.version} (revision {stable.revision}) serves again{former}")
        else:
            yield _event("Promoted", f"{stable.version} (revision {stable.revision}) serves{former}{checked}")
    if stopped is not None and stopped != before.stopped:
        yield _event("CandidateStopped", f"{stopped.version}: {stopped.reason}: {stopped.message}", warning=True)
    elif (
        before.candidate is not None
        and candidate is None
        and (stable is None or before.candidate.revision != stable.revision)
    ):
        yield _event("RolloutCancelled", f"{before.candidate.version} is no longer the target")
    if candidate is None:
        return
    if before.candidate is None or _attempt(before.candidate) != _attempt(candidate):
        yield _event("RolloutStarted", f"{candidate.version} (revision {candidate.revision}) is the candidate")
    elif candidate.phase is CandidatePhase.STEPPING and _place(candidate) != _place(before.candidate):
        weight = rollout.steps[candidate.step].weight
        yield _event(
            "StepStarted", f"{candidate.version}: step {candidate.step + 1}, at least {weight} % of the requests"
        )


def _attempt(candidate: CandidateStatus) -> tuple[str, str]:
    return candidate.revision, candidate.started_at


def _place(candidate: CandidateStatus) -> tuple[CandidatePhase, int]:
    return candidate.phase, candidate.step


def _event(reason: str, message: str, *, warning: bool = False) -> Event:
    return event(warning=warning, reason=reason, message=message, action=_ROLL_OUT)
