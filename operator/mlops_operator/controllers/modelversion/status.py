# SPDX-License-Identifier: Apache-2.0
"""The status of a ModelVersion: whether it may be used, and where it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mlops_operator.api.conditions import Fact, Outcome, Truth, contract, working
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionPhase, ModelVersionReason, ModelVersionStatus
from mlops_operator.controllers.modelversion.observed import Observed
from mlops_operator.controllers.modelversion.policies.provenance import run_folder
from mlops_operator.controllers.modelversion.policies.rejection import rejection
from mlops_operator.controllers.modelversion.policies.results import with_results
from mlops_operator.controllers.modelversion.policies.usage import deployed_in
from mlops_operator.controllers.shared.models import VersionInModel


def settled(
    obs: Observed, now: datetime, outcome: Outcome, *, artifact_store: str, **changes: Any
) -> ModelVersionStatus:
    """The complete status: the outcome of the verification, and where the version is used by now."""
    model = obs.model or VersionInModel()
    gates = with_results(obs.status.gates, obs.results, waiting=obs.waiting)
    if obs.training is not None and (obs.status.verified_at or changes.get("verified_at")):
        name = obs.obj["metadata"]["name"]
        changes["run_folder"] = run_folder(name, obs.spec, obs.training, artifact_store=artifact_store)
    rejected = rejection(gates, obs.rejections, obs.status.conditions)
    if obs.model is None and not outcome.stalled:
        outcome = _without_model(obs, outcome)
    return say(
        obs.obj,
        obs.status,
        now,
        outcome,
        rejected,
        version=model.number or obs.status.version,
        aliases=model.aliases,
        deployed_in=deployed_in(obs.deployments, obs.obj["metadata"]["uid"]),
        gates=gates,
        **changes,
    )


def say(
    obj: Manifest, status: ModelVersionStatus, now: datetime, outcome: Outcome, rejected: Fact, **changes: Any
) -> ModelVersionStatus:
    """`status` with these changes, and the phase and conditions that follow."""
    generation = obj["metadata"]["generation"]
    return status.replace(
        observed_generation=generation,
        phase=_phase(outcome, rejected).value,
        conditions=contract(status.conditions, outcome, generation=generation, now=now, facts=(rejected,)),
        **changes,
    )


def _without_model(obs: Observed, outcome: Outcome) -> Outcome:
    """A version without its Model is not usable, but its verification goes on meanwhile."""
    beside = "" if outcome.ready is Truth.TRUE else f"; {outcome.reason}: {outcome.message}"
    message = f"Model {obs.spec.model} does not exist{beside}"
    return working(ModelVersionReason.MODEL_NOT_FOUND, message)


def _phase(outcome: Outcome, rejected: Fact) -> ModelVersionPhase:
    if outcome.stalled and outcome.reason != ModelVersionReason.NAME_TAKEN:
        removed = outcome.reason == ModelVersionReason.ARTIFACT_REMOVED
        return ModelVersionPhase.REMOVED if removed else ModelVersionPhase.FAILED
    if rejected.status is Truth.TRUE:
        return ModelVersionPhase.REJECTED
    if outcome.ready is Truth.TRUE:
        return ModelVersionPhase.READY
    return _AT_WORK.get(outcome.reason, ModelVersionPhase.PENDING)


_AT_WORK: Final[Mapping[str, ModelVersionPhase]] = {
    ModelVersionReason.VERIFYING: ModelVersionPhase.VERIFYING,
    ModelVersionReason.REMOVAL_PENDING: ModelVersionPhase.REMOVING,
}
