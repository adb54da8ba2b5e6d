"""Whether a version was there before: then it passes by the gate that it passed then.

It must be the very object and artifact. One that was created again under the name has passed nothing.

Going back must never wait for an evaluation: it is what people do when something is wrong.
"""

from mlops_operator.api.common import VersionRef
from mlops_operator.api.model import AliasStatus


def is_former(alias: AliasStatus | None, version: VersionRef) -> bool:
    """Whether the alias pointed at `version` before, as far as its history goes back."""
    return alias is not None and any(
        (term.version_uid, term.digest) == (version.uid, version.digest) for term in alias.history
    )
