"""What it means that the API server refuses an action: whether the same request may succeed later, and why not."""

from typing import Final

from mlops_operator.api.meta import Manifest, controller_uid
from mlops_operator.kube.errors import Expired, Forbidden, NotFound, StatusError, TooManyRequests, Unauthorized
from mlops_operator.runtime.plan import Action, Apply, Create, Rejection

NAME_TAKEN: Final = "NameTaken"
"""Reason of a rejection because an object with the child's name exists and is not the child that would be created."""

_PASSING: Final = (TooManyRequests, Unauthorized, Expired)
"""4xx answers that the same request may not get again."""

_UNTYPED: Final = "failed to create typed patch object"
"""How the API server begins its answer to an apply of what is no object of its kind, e.g. a number for a list. It
answers with 500, though no repetition mends it; a create of the same is 400 or 422."""


class Rejected(Exception):
    """An action was refused for a reason that repeating it will not mend."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(f"{rejection.reason}: {rejection.message}")
        self.rejection = rejection


class NamespaceEnding(Exception):
    """Nothing can be made in the object's namespace any more; its own deletion is on the way."""


def taken(action: Create, found: Manifest) -> str:
    """What is wrong with the object that has the child's name, and what to do about it."""
    namespace, name = target(action)
    ours = controller_uid(action.manifest)
    owner = controller_uid(found)
    wrong = "its content is not what this object creates" if owner == ours else f"its controlling owner is {owner}"
    kind = action.resource.kind
    return f"{kind} {name} already exists, and {wrong}: delete {kind} {name} in namespace {namespace}, or rename it"


def verdict(action: Action, error: StatusError) -> Exception:
    """What a failed action means: the namespace is ending, a rejection, or the error as it is, to be retried."""
    if isinstance(error, Forbidden) and error.namespace_terminating:
        return NamespaceEnding(str(error))
    if isinstance(error, NotFound) and error.namespace_gone:
        return NamespaceEnding(str(error))
    if isinstance(action, Apply) and error.code >= 500 and error.message.startswith(_UNTYPED):
        return Rejected(Rejection(action=action, code=422, reason="Invalid", message=error.message))
    if error.code >= 500 or isinstance(error, _PASSING) or error.code < 400:
        return error
    return Rejected(Rejection(action=action, code=error.code, reason=error.reason, message=error.message))


def target(action: Action) -> tuple[str, str]:
    """Namespace and name of the object that an action is about."""
    if isinstance(action, Create | Apply):
        metadata = action.manifest["metadata"]
        return metadata.get("namespace", ""), metadata["name"]
    return action.namespace, action.name
