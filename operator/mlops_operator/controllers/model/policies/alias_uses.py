# SPDX-License-Identifier: Apache-2.0
"""Which versions an alias keeps: the one it points at, the one before, and those it has left lately."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.model import AliasStatus, AliasTerm
from mlops_operator.api.retention import KeptReason
from mlops_operator.controllers.model.policies.retention import Use


class AliasUse(NamedTuple):
    """A use of one version, by UID and digest: another object with the same artifact is kept as well.

    Attributes:
        identities: UID and digest; the name as well where the UID was not recorded.
    """

    identities: frozenset[str]
    use: Use


def alias_uses(aliases: Iterable[AliasStatus], *, window: int, now: datetime) -> Iterator[AliasUse]:
    """The uses by aliases, the strongest of a version first.

    Args:
        aliases: of the Model.
        window: seconds for which a version stays after an alias has left it.
        now: the present time.
    """
    entries = tuple(aliases)
    for alias in entries:
        yield AliasUse(_identities(alias), Use(KeptReason.IN_USE, f"alias {alias.name} points at it"))
    for alias in entries:
        if alias.history:
            message = f"alias {alias.name} pointed at it before"
            yield AliasUse(_identities(alias.history[0]), Use(KeptReason.IN_USE, message))
    for alias in entries:
        left_at = [alias.since, *(term.since for term in alias.history)]
        for term, left in zip(alias.history[1:], left_at[1:], strict=False):
            until = parse_timestamp(left) + timedelta(seconds=window)
            if now < until:
                message = f"alias {alias.name} pointed at it until {left}"
                yield AliasUse(_identities(term), Use(KeptReason.IN_USE, message, until))


def _identities(term: AliasStatus | AliasTerm) -> frozenset[str]:
    return frozenset(filter(None, (term.version_uid or term.version, term.digest)))
