"""Whether the Model has moved the alias for a Promotion already: then it is promoted, whatever came later."""

from mlops_operator.api.model import AliasStatus


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
