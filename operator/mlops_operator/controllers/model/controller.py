"""The wiring of the Model controller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import stalled, working
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import ModelReason, ModelStatus
from mlops_operator.controllers.model import status as say
from mlops_operator.controllers.model.observed import observe
from mlops_operator.controllers.model.plan import plan, telling
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.gates import GATE_RESULTS_BY_MODEL, recorded_results
from mlops_operator.controllers.shared.indexes import (
    MODEL_VERSIONS_BY_MODEL,
    referred,
    referred_if_changed,
    version_fact,
)
from mlops_operator.controllers.shared.promotions import (
    OPEN_PROMOTIONS_BY_ALIAS,
    PASSED_GATES_BY_ALIAS,
    REJECTED_PROMOTIONS_BY_ALIAS,
    is_open,
    may_move,
    waits_for_data,
)
from mlops_operator.controllers.shared.specs import InvalidSpecError
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS, Resource
from mlops_operator.runtime.controller import Index, Rule, Watch, World
from mlops_operator.runtime.plan import Plan, Read, Rejection

FORBIDDEN_RETRY: Final = 60.0
"""Seconds until a refusal by quota, policy or rights is put to the test again: nothing tells that it has gone."""


def _standing(promotion: Manifest) -> object:
    """What a Model reads of a Promotion: whether it is open or lacks data, and from where it may move the alias."""
    status = promotion.get("status") or {}
    way = [status.get(name) for name in ("from", "fromUid", "candidate")] if may_move(promotion) else None
    return is_open(promotion), waits_for_data(promotion), may_move(promotion), way


def _version(version: Manifest) -> object:
    """What a Model reads of a ModelVersion: whether it can be offered, and its gate results."""
    return version_fact(version), recorded_results(version)


class ModelController:
    """Drives Models; see `plan.py`."""

    resource: Resource = MODELS
    indexes: Sequence[Index] = (
        MODEL_VERSIONS_BY_MODEL,
        OPEN_PROMOTIONS_BY_ALIAS,
        PASSED_GATES_BY_ALIAS,
        REJECTED_PROMOTIONS_BY_ALIAS,
        GATE_RESULTS_BY_MODEL,
    )
    watches: Sequence[Watch] = (
        Watch(resource=MODEL_VERSIONS, keys=referred("model"), between=referred_if_changed("model", part=_version)),
        Watch(resource=PROMOTIONS, keys=referred("model"), between=referred_if_changed("model", part=_standing)),
    )
    rules: Sequence[Rule] = (
        Rule(MODEL_VERSIONS, ("get", "list", "watch")),
        Rule(PROMOTIONS, ("get", "list", "watch", "create")),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:  # noqa: ARG002
        """None: everything a Model needs is watched."""
        return ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:  # noqa: ARG002
        """See `plan.py`; a spec that cannot be read leaves numbers and aliases as they are."""
        try:
            return plan(observe(obj, world), now)
        except InvalidSpecError as error:
            status = ModelStatus.of(obj)
            return telling(status, say.say(obj, status, now, stalled(ModelReason.INVALID_SPEC, str(error))))

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """A bootstrap Promotion was refused; numbers and aliases stay as they are until the next plan."""
        status = ModelStatus.of(obj)
        message = f"the API server refuses a bootstrap Promotion: {rejection.message}"
        if rejection.code == 403:
            held = say.say(obj, status, now, working(ModelReason.FORBIDDEN, message))
            return replace(telling(status, held), requeue_after=FORBIDDEN_RETRY)
        if rejection.reason == ModelReason.NAME_TAKEN:
            taken = say.say(obj, status, now, stalled(ModelReason.NAME_TAKEN, message))
            return replace(telling(status, taken), requeue_after=FORBIDDEN_RETRY)
        return telling(status, say.say(obj, status, now, stalled(ModelReason.REFUSED, message)))
