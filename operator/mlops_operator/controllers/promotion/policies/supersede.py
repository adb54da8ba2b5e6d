"""Which of several Promotions of one alias counts: the newest request, whatever became of it.

So the answer does not depend on when somebody looked: an older Promotion that is still open
when a newer one appears is over. Two that ask for the same version do not stand in each other's way.
"""

from mlops_operator.controllers.promotion.indexes import Request


def superseded_by(newest: Request | None, *, created: str, name: str, version: str) -> Request | None:
    """The newest Promotion of the alias, if it is newer than the one given (by name where the times are the same)
    and asks for another version; else None."""
    if newest is None or (newest.created, newest.name) <= (created, name):
        return None
    return newest if newest.version != version else None
