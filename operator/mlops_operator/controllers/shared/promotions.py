# SPDX-License-Identifier: Apache-2.0
"""Look-ups of Promotions that several controllers use: open ones, and those that passed a gate."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from mlops_operator.api.conditions import READY, condition_of, holds
from mlops_operator.api.meta import Manifest, controller_reference
from mlops_operator.api.promotion import GATE_PASSED, TERMINAL, PromotionPhase, PromotionReason
from mlops_operator.kube.resources import MODELS, PROMOTIONS, RETRAIN_POLICIES
from mlops_operator.runtime.cache.index import FactIndex, Index

_AUTOMATIC: Final = (RETRAIN_POLICIES.kind, MODELS.kind)


class PassedGate(NamedTuple):
    """An open Promotion that passed its gate, so that the Model moves the alias.

    Attributes:
        created: creation time as metav1.Time, so that text order is time order.
        by_user: whether a user created it; see `is_by_user`.
        version_uid: of the ModelVersion that passed; empty where it was not recorded.
        digest: of its artifact.
        origin: the version that the alias pointed at when the gate was passed; empty where it pointed at none.
        origin_uid: UID of that version.
    """

    created: str
    by_user: bool
    name: str
    uid: str
    version: str
    version_uid: str
    digest: str
    origin: str
    origin_uid: str


class RejectedPromotion(NamedTuple):
    """A Promotion that was rejected.

    Attributes:
        created: creation time as metav1.Time, so that text order is time order.
    """

    created: str
    name: str


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
    return is_open(obj) and holds(obj, GATE_PASSED)


def waits_for_data(obj: Manifest) -> bool:
    """Whether the rows of the Promotion's gate are not there yet."""
    return bool(condition_of(obj, READY).get("reason") == PromotionReason.DATA_NOT_FOUND)


def is_by_user(obj: Manifest) -> bool:
    """Whether a user created the Promotion: neither a RetrainPolicy nor a Model, for a first version, controls it.

    Creation times are whole seconds. Of two Promotions of one second a user's counts as the newer one.
    """
    owner = controller_reference(obj)
    return owner is None or owner["kind"] not in _AUTOMATIC


def _passed_gate(obj: Manifest) -> PassedGate:
    metadata, status = obj["metadata"], obj["status"]
    created, name, uid = metadata["creationTimestamp"], metadata["name"], metadata["uid"]
    candidate = status.get("candidate") or {}
    return PassedGate(
        created,
        is_by_user(obj),
        name,
        uid,
        obj["spec"]["version"],
        candidate.get("uid") or "",
        candidate.get("digest") or "",
        status.get("from") or "",
        status.get("fromUid") or "",
    )


OPEN_PROMOTIONS_BY_ALIAS: Final = Index(PROMOTIONS, "open-alias", where(is_open, by_alias))

PASSED_GATES_BY_ALIAS: Final = FactIndex(PROMOTIONS, "passed-gate", where(may_move, by_alias), _passed_gate)
"""Open Promotions that passed their gates, by alias, the newest last."""


def _is_rejected(obj: Manifest) -> bool:
    return (obj.get("status") or {}).get("phase") == PromotionPhase.REJECTED


def _rejected(obj: Manifest) -> RejectedPromotion:
    return RejectedPromotion(obj["metadata"]["creationTimestamp"], obj["metadata"]["name"])


REJECTED_PROMOTIONS_BY_ALIAS: Final = FactIndex(PROMOTIONS, "rejected-alias", where(_is_rejected, by_alias), _rejected)
"""Promotions that were rejected, by alias, the newest last."""
