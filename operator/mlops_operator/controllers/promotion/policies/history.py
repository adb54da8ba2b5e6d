# SPDX-License-Identifier: Apache-2.0
"""What the history of an alias, and the requests for it, mean for a Promotion.

- Moved by this Promotion already: it is promoted, whatever came later.
- A version that the alias pointed at before passes by the gate that it passed then. It must be the very object and
  artifact: one that was created again under the name has passed nothing. Going back must never wait for an evaluation,
  since it is what users do when something is wrong.
- Restored from a backup after the Promotion was created: a backup holds Promotions of the past. Created again without
  their status they look like new requests, but the alias points already where their decisions led it.
- Of several Promotions of one alias the newest request counts, whatever became of it. So the answer does not depend on
  when it is looked at. Two that ask for the same version do not compete.
"""

from itertools import chain

from mlops_operator.api.common import VersionRef
from mlops_operator.api.model import AliasMove, AliasStatus, AliasTerm
from mlops_operator.controllers.promotion.indexes import Request


def moved_at(alias: AliasStatus | None, *, uid: str) -> str | None:
    """When the alias was moved by the Promotion with this UID; None where it was not.

    Args:
        alias: where the alias points and pointed; None where it never did.
        uid: the Promotion's.
    """
    if alias is None:
        return None
    if alias.promotion_uid == uid:
        return alias.since
    return next((term.since for term in alias.history if term.promotion_uid == uid), None)


def is_former(alias: AliasStatus | None, version: VersionRef) -> bool:
    """Whether the alias pointed at `version` before, as far as its history goes back."""
    return alias is not None and any(
        (term.version_uid, term.digest) == (version.uid, version.digest) for term in alias.history
    )


def restored_after(alias: AliasStatus | None, *, created: str, waited: bool) -> str | None:
    """When the alias was restored, as metav1.Time; None where it was not, or before the Promotion was created.

    Args:
        alias: where the alias points and pointed; None where it points at nothing.
        created: creation time of the Promotion, as metav1.Time in UTC, so that text order is time order.
        waited: whether the Promotion waited for the restore, so that it is the older one whatever the clocks say.
    """
    if alias is None:
        return None
    terms: chain[AliasStatus | AliasTerm] = chain((alias,), alias.history)
    restored = (term.since for term in terms if term.reason is AliasMove.RESTORED)
    return next((since for since in restored if waited or created <= since), None)


def superseded_by(newest: Request | None, own: Request) -> Request | None:
    """The newest Promotion of the alias, if it is newer than `own` and asks for another version; else None.

    Where the creation times are the same, a user's is newer than an automatic one, then the names decide.
    """
    if newest is None or newest[:3] <= own[:3]:
        return None
    return newest if newest.version != own.version else None
