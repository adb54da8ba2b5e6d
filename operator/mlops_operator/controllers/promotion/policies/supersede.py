"""Which of several Promotions of one alias counts: the newest request, whatever became of it.

So the answer does not depend on when somebody looked: an older Promotion that is still open
when a newer one appears is over. Two that ask for the same version do not stand in each other's way.
"""

from mlops_operator.controllers.promotion.indexes import Request


def superseded_by(newest: Request | None, own: Request) -> Request | None:
    """The newest Promotion of the alias, if it is newer than `own` and asks for another version; else None.

    Where the creation times are the same, a user's is newer than an automatic one, then the names decide.
    """
    if newest is None or newest[:3] <= own[:3]:
        return None
    return newest if newest.version != own.version else None
