# SPDX-License-Identifier: Apache-2.0
"""What an error of the API server means for an action: whether the same request may succeed later, and why not."""

import json
from typing import Final

from mlops_operator.api.meta import Manifest, controller_uid
from mlops_operator.kube.errors import Expired, Forbidden, NotFound, StatusError, TooManyRequests, Unauthorized
from mlops_operator.runtime.work.plan import Action, Apply, Create, Delete, Patch, Rejection
from mlops_operator.runtime.work.unknown_fields import unknown_fields

NAME_TAKEN: Final = "NameTaken"
"""Reason of a rejection because an object with the child's name exists and is not the child that would be created."""

_PASSING: Final = (TooManyRequests, Unauthorized, Expired)
"""4xx answers that the same request may not get again."""

_UNTYPED: Final = "failed to create typed patch object"
"""How the API server begins its answer to an apply of what is no object of its kind, e.g. a number for a list. It
answers with 500, though a retry does not help; a create of the same is 400 or 422."""

TOO_LARGE: Final = "TooLarge"
"""Reason of a rejection because the object, or a field of it, is larger than the API server or its store takes."""

REQUEST_LIMIT: Final = 3 * 1024 * 1024
"""Bytes of a request body that the API server takes."""

STORE_LIMIT: Final = 1536 * 1024
"""Bytes of a request that etcd takes by default."""

_STORE_WORDS: Final = ("request is too large", "trying to send message larger than max")
"""What etcd and the API server's connection to it say of an object that is too large. The API server passes it on with
500, though a retry does not help."""

_UID_LABEL: Final = "controller-uid"
"""Part of the labels that the API server itself gives the pods of a Job."""


class Rejected(Exception):
    """An action was rejected permanently: the same request would be rejected again."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(f"{rejection.reason}: {rejection.message}")
        self.rejection = rejection


class NamespaceEnding(Exception):
    """The object's namespace is terminating: nothing can be created in it."""


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
    rejection = _invalid(action, error)
    if rejection is not None:
        return Rejected(rejection)
    if error.code >= 500 or isinstance(error, _PASSING) or error.code < 400:
        return error
    return Rejected(Rejection(action=action, code=error.code, reason=error.reason, message=error.message))


def _invalid(action: Action, error: StatusError) -> Rejection | None:
    """The rejection of an object that cannot be stored, for causes that the API server's code and words hide."""
    if isinstance(action, Create | Apply) and (fields := unknown_fields(error.message, action.manifest)):
        message = f"unknown field {', '.join(fields)}: correct the name, or remove the field"
        return Rejection(action=action, code=422, reason="Invalid", message=message)
    if isinstance(action, Apply) and error.code >= 500 and error.message.startswith(_UNTYPED):
        return Rejection(action=action, code=422, reason="Invalid", message=error.message)
    limit = _exceeded_limit(action, error)
    if limit is not None:
        return Rejection(action=action, code=422, reason=TOO_LARGE, message=_too_large(action, error, limit))
    return None


def _exceeded_limit(action: Action, error: StatusError) -> str | None:
    """The limit that the object exceeds, in words; None where it is not refused because of its size."""
    if error.code == 413:
        return f"the API server takes requests of {REQUEST_LIMIT} bytes"
    if _is_too_large_to_store(action, error):
        return f"etcd by default takes {STORE_LIMIT} bytes, what the API server adds included"
    if error.code == 422 and error.has_cause("FieldValueTooLong"):
        return "a field has a limit of its own"
    return None


def _is_too_large_to_store(action: Action, error: StatusError) -> bool:
    if error.code >= 500:
        return any(words in error.message for words in _STORE_WORDS)
    # What etcd finds too large the API server stores once more without its managed fields. A Job gets another UID then,
    # and is refused because its pods have labels with the first one, which only the API server has set.
    if error.code != 422 or not isinstance(action, Create):
        return False
    template = (action.manifest.get("spec") or {}).get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    fields = (str(cause.get("field")) for cause in error.details.get("causes") or ())
    return any(_UID_LABEL in field for field in fields) and not any(_UID_LABEL in label for label in labels)


def _too_large(action: Action, error: StatusError, limit: str) -> str:
    """What is too large and by how much, and what to do about it.

    The API server stores more than it is sent, above all which fields are whose, so the object that is sent may be
    smaller than the limit.
    """
    namespace, name = target(action)
    size = f", {_size(action)} bytes as sent" if not isinstance(action, Delete) else ""
    return (
        f"{action.resource.kind} {name} in namespace {namespace} is too large{size}; {limit}: shorten the spec that it "
        f"follows from, or keep large values in a volume, a ConfigMap or the image ({error.message})"
    )


def _size(action: Create | Apply | Patch) -> int:
    body = action.body if isinstance(action, Patch) else action.manifest
    return len(json.dumps(body).encode())


def target(action: Action) -> tuple[str, str]:
    """Namespace and name of the object that an action is about."""
    if isinstance(action, Create | Apply):
        metadata = action.manifest["metadata"]
        return metadata.get("namespace", ""), metadata["name"]
    return action.namespace, action.name
