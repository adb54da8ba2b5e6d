# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between the operator and the API server, as types.

A caller decides by type, never by parsing text: an answer is a `StatusError` made from the
`metav1.Status` the server sent; no answer at all is `Unreachable`; a watch that broke while
it was streaming is `WatchBroken`.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from mlops_operator.api.meta import Manifest

_SHOWN_BODY: Final = 500
"""Characters of a body that is not a Status that are worth showing in a message."""


class ApiError(Exception):
    """Anything that kept a request from succeeding."""


class Unreachable(ApiError):
    """No answer: refused, reset, cut off or timed out. A write may have been carried out."""


class WatchBroken(ApiError):
    """A watch ended for a reason unrelated to the objects: an incomplete line, an inactivity timeout, a lost
    connection."""


class StatusError(ApiError):
    """The API server answered with a failure.

    Attributes:
        code: HTTP status code.
        reason: machine-readable reason, e.g. `NotFound`; empty where the server gave none.
        message: the server's own words.
        details: `metav1.StatusDetails`, as JSON.
        retry_after: seconds the server asks to wait before the next attempt, if it does.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Manifest | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.details: Manifest = details or {}
        self.retry_after = retry_after

    def has_cause(self, reason: str) -> bool:
        """Whether one of the causes in the details has this reason, e.g. `NamespaceTerminating`."""
        return any(cause.get("reason") == reason for cause in self.details.get("causes") or ())


class BadRequest(StatusError):
    """400: the request cannot be understood; the same request will never be."""


class Unauthorized(StatusError):
    """401: the credentials are missing, wrong or out of date."""


class Forbidden(StatusError):
    """403: no right to do it, or an admission rule (quota, policy, a terminating namespace) refuses it."""

    @property
    def namespace_terminating(self) -> bool:
        """Whether the namespace is being deleted, so that nothing new can be made in it."""
        return self.has_cause("NamespaceTerminating")


class NotFound(StatusError):
    """404: no such object, or no such resource."""

    @property
    def namespace_gone(self) -> bool:
        """Whether it is the namespace that does not exist."""
        return self.details.get("kind") == "namespaces" and not self.details.get("group")


class AlreadyExists(StatusError):
    """409 with reason AlreadyExists: the name is taken."""


class Conflict(StatusError):
    """409: a precondition (resourceVersion, UID) no longer holds. Read again and decide again."""


class Expired(StatusError):
    """410: the resourceVersion or continue token is too old. List again."""


class Invalid(StatusError):
    """422: the object breaks its schema or a validation rule."""


class TooManyRequests(StatusError):
    """429: the server asks the client to wait; `retry_after` is the time in seconds, if it gave one."""


class ServerError(StatusError):
    """5xx: the server failed. A write may have been carried out."""


_BY_CODE: Final[Mapping[int, type[StatusError]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: TooManyRequests,
}


def from_status(status: Mapping[str, Any], *, code: int | None = None, retry_after: float | None = None) -> StatusError:
    """The error that a `metav1.Status` stands for.

    Args:
        status: the Status object, from a body or an ERROR watch event.
        code: the HTTP status where there is one; the Status' own code otherwise.
        retry_after: from the Retry-After header; the Status' details otherwise.
    """
    found = code if code is not None else int(status.get("code") or 500)
    reason = str(status.get("reason") or "")
    details = status.get("details") or {}
    if retry_after is None and details.get("retryAfterSeconds"):
        retry_after = float(details["retryAfterSeconds"])
    kind = _BY_CODE.get(found, ServerError if found >= 500 else StatusError)
    if found == 409 and reason == "AlreadyExists":
        kind = AlreadyExists
    elif reason == "Expired":
        kind = Expired
    return kind(found, reason, str(status.get("message") or ""), details=details, retry_after=retry_after)


def from_response(code: int, body: bytes, headers: Mapping[str, str]) -> StatusError:
    """The error that a failed HTTP response stands for, whether or not its body is a Status."""
    retry_after = _seconds(headers.get("Retry-After"))
    try:
        status = json.loads(body)
    except ValueError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = body[:_SHOWN_BODY].decode("utf-8", "replace")
        status = {"message": text or "the answer has no body"}
    return from_status(status, code=code, retry_after=retry_after)


def _seconds(header: str | None) -> float | None:
    """Retry-After as seconds. The API server never sends the date form, so that is treated as absent."""
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
