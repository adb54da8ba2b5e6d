"""Whether a version was there before: then it passes by the gate that it passed then.

Going back must never wait for an evaluation: it is what people do when something is wrong.
"""

from mlops_operator.api.model import AliasStatus


def is_former(alias: AliasStatus | None, *, version: str) -> bool:
    """Whether the alias pointed at `version` before, as far as its history goes back."""
    return alias is not None and any(term.version == version for term in alias.history)
