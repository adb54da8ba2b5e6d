"""Whether the alias was restored from a backup after a Promotion was created.

A backup holds Promotions of the past. Created again without their status they look like new requests, but the alias
points already where their decisions led it.
"""

from itertools import chain

from mlops_operator.api.model import AliasMove, AliasStatus, AliasTerm


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
