# SPDX-License-Identifier: Apache-2.0
"""Where an alias points: moved by Promotions that passed the alias's gate, or restored from a backup.

A Promotion says from which version it was allowed to move the alias. If the alias points
elsewhere by now, the evidence is about another comparison and moves nothing.
"""

from collections.abc import Container, Sequence
from datetime import datetime

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.model import MAX_ALIAS_HISTORY, AliasMove, AliasStatus, AliasTerm
from mlops_operator.controllers.shared.promotions import PassedGate


def applied(current: AliasStatus | None) -> frozenset[str]:
    """UIDs of the Promotions that have moved the alias already, as far back as its history goes.

    A Promotion's own status may lag; what was carried out once is not carried out again.
    """
    if current is None:
        return frozenset()
    return frozenset((current.promotion_uid, *(term.promotion_uid for term in current.history)))


def next_move(current: AliasStatus | None, passed: Sequence[PassedGate], *, ready: Container[str]) -> PassedGate | None:
    """The Promotion that moves the alias now: the newest of those that may; None if there is none.

    Args:
        current: where the alias points; None where it points at nothing.
        passed: the alias's open Promotions that passed its gate, the newest last.
        ready: UIDs of the versions that are Ready now. An object created again under the name has not passed the
            gate, and a version may have lost its artifact since it passed.
    """
    pointing_at = (current.version, current.version_uid) if current else ("", "")
    done = applied(current)
    for promotion in reversed(passed):
        usable = promotion.version_uid in ready and promotion.version_uid != pointing_at[1]
        from_here = (promotion.origin, promotion.origin_uid) == pointing_at
        if usable and from_here and promotion.uid not in done:
            return promotion
    return None


def moved(
    alias: str, current: AliasStatus | None, promotion: PassedGate, now: datetime, *, model_uid: str
) -> AliasStatus:
    """The alias after a Promotion; the former term goes into its history."""
    return AliasStatus(
        name=alias,
        version=promotion.version,
        version_uid=promotion.version_uid,
        digest=promotion.digest,
        promotion=promotion.name,
        promotion_uid=promotion.uid,
        since=timestamp(now),
        model_uid=model_uid,
        history=_history(current),
    )


def restored(
    alias: str, current: AliasStatus | None, version: VersionRef, now: datetime, *, model_uid: str
) -> AliasStatus:
    """The alias after it was restored; the former term, of another Model object, goes into its history."""
    return AliasStatus(
        name=alias,
        version=version.name,
        version_uid=version.uid,
        digest=version.digest,
        reason=AliasMove.RESTORED,
        since=timestamp(now),
        model_uid=model_uid,
        history=_history(current),
    )


def _history(current: AliasStatus | None) -> tuple[AliasTerm, ...]:
    if current is None:
        return ()
    former = AliasTerm(
        version=current.version,
        version_uid=current.version_uid,
        digest=current.digest,
        reason=current.reason,
        promotion=current.promotion,
        promotion_uid=current.promotion_uid,
        since=current.since,
    )
    return (former, *current.history)[:MAX_ALIAS_HISTORY]
