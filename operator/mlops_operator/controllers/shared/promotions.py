"""Look-ups of Promotions that several controllers use: open ones, those that passed a gate, those that failed one."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from mlops_operator.api.conditions import READY
from mlops_operator.api.meta import Manifest
from mlops_operator.api.promotion import GATE_PASSED, TERMINAL, PromotionPhase, PromotionReason
from mlops_operator.controllers.shared.indexes import by_reference, condition_of
from mlops_operator.kube.resources import PROMOTIONS
from mlops_operator.runtime.controller import FactIndex, Index


class PassedGate(NamedTuple):
    """An open Promotion that passed its gate, so that the Model moves the alias.

    Attributes:
        created: creation time as metav1.Time, so that text order is time order.
        origin: the version that the alias pointed at when the gate was passed; empty where it pointed at none.
    """

    created: str
    name: str
    uid: str
    version: str
    origin: str


class GateFailure(NamedTuple):
    """A Promotion whose version failed the gate of an alias.

    Attributes:
        created: creation time of the Promotion as metav1.Time.
        message: of the Promotion's status.
    """

    created: str
    promotion: str
    model: str
    alias: str
    version: str
    message: str


def alias_value(namespace: str, model: str, alias: str) -> str:
    """`namespace/model/alias`: the value under which the Promotions of an alias are found."""
    return f"{namespace}/{model}/{alias}"


def by_alias(obj: Manifest) -> Iterable[str]:
    """The value of the Promotion's alias."""
    spec = obj.get("spec") or {}
    yield alias_value(obj["metadata"]["namespace"], spec.get("model", ""), spec.get("alias", ""))


def where(
    holds: Callable[[Manifest], bool], values: Callable[[Manifest], Iterable[str]]
) -> Callable[[Manifest], Iterable[str]]:
    """Index values of the objects for which `holds`."""
    return lambda obj: values(obj) if holds(obj) else ()


def is_open(obj: Manifest) -> bool:
    """Whether the Promotion is not decided yet."""
    return (obj.get("status") or {}).get("phase") not in TERMINAL


def may_move(obj: Manifest) -> bool:
    """Whether the Promotion is open and has passed its gate."""
    return is_open(obj) and condition_of(obj, GATE_PASSED).get("status") == "True"


def gate_failed(obj: Manifest) -> bool:
    """Whether the gate was asked and refused the version."""
    if (obj.get("status") or {}).get("phase") != PromotionPhase.REJECTED:
        return False
    reasons = (condition_of(obj, kind).get("reason") for kind in (GATE_PASSED, READY))
    return any(reason == PromotionReason.GATE_FAILED for reason in reasons)


def _passed_gate(obj: Manifest) -> PassedGate:
    metadata, status = obj["metadata"], obj["status"]
    created, name, uid = metadata["creationTimestamp"], metadata["name"], metadata["uid"]
    return PassedGate(created, name, uid, obj["spec"]["version"], status.get("from") or "")


def _gate_failure(obj: Manifest) -> GateFailure:
    metadata, spec = obj["metadata"], obj["spec"]
    message = obj["status"].get("message") or ""
    return GateFailure(
        metadata["creationTimestamp"], metadata["name"], spec["model"], spec["alias"], spec["version"], message
    )


OPEN_PROMOTIONS_BY_ALIAS: Final = Index(PROMOTIONS, "open-alias", where(is_open, by_alias))

PASSED_GATES_BY_ALIAS: Final = FactIndex(PROMOTIONS, "passed-gate", where(may_move, by_alias), _passed_gate)
"""Open Promotions that passed their gates, by alias, the newest last."""

GATE_FAILURES_BY_VERSION: Final = FactIndex(
    PROMOTIONS, "gate-failure", where(gate_failed, by_reference("version")), _gate_failure
)
"""Promotions that ended because their version failed a gate, by version, the oldest first."""
