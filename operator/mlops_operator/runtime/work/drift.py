# SPDX-License-Identifier: Apache-2.0
"""Whether an observed object still has everything that is wanted of it; pure.

The API server adds to what it is given (defaults, status, other managers' fields), drops what is
empty, and writes quantities its own way. None of that is drift, or an unchanged world would be
written to for ever.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.runtime.work.quantities import is_quantity, parse_quantity

_NOT_COMPARED: Final = frozenset({"status", "apiVersion", "kind", "metadata"})
"""Top-level fields that are not a wish: another's to write, or given by the resource. Metadata has its own rules."""

_MAPS_OF_METADATA: Final = ("labels", "annotations")

_ZERO_IS_NOT_ABSENCE: Final = frozenset(
    {
        "activeDeadlineSeconds",
        "averageUtilization",
        "backoffLimitPerIndex",
        "fsGroup",
        "maxFailedIndexes",
        "maxReplicas",
        "maxUnavailable",
        "minAvailable",
        "minReplicas",
        "partition",
        "replicas",
        "runAsGroup",
        "runAsUser",
        "stabilizationWindowSeconds",
        "terminationGracePeriodSeconds",
        "ttlSecondsAfterFinished",
    }
)
"""Numbers that are pointers in the API's types: there the server keeps a 0, and absence means something else. All
other numbers are dropped when they are 0, e.g. `minReadySeconds` and `initialDelaySeconds`."""


def differs(desired: Manifest, observed: Manifest) -> bool:
    """Whether applying `desired` would change `observed`.

    Every field of `desired` must be in `observed` with an equal value; more in `observed` is fine.
    Lists are compared element by element and must be of equal length, but owner references and
    finalizers, which others add to, need only be among the observed. False, 0, "", [], {} and null
    equal absence, as the API server drops them, save for those 0 that it keeps. Quantities are
    compared by value.
    """
    if _metadata_differs(desired.get("metadata") or {}, observed.get("metadata") or {}):
        return True
    return any(
        _differs(value, observed.get(name), quantities=False)
        for name, value in desired.items()
        if name not in _NOT_COMPARED
    )


def _metadata_differs(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> bool:
    for name in _MAPS_OF_METADATA:
        found = observed.get(name) or {}
        # An empty label or annotation is kept by the API server: here "" is not absence.
        if any(found.get(key) != value for key, value in (desired.get(name) or {}).items()):
            return True
    if not set(desired.get("finalizers") or ()) <= set(observed.get("finalizers") or ()):
        return True
    owners = {reference["uid"]: reference for reference in observed.get("ownerReferences") or ()}
    return any(
        _differs(reference, owners.get(reference["uid"]), quantities=False)
        for reference in desired.get("ownerReferences") or ()
    )


def _differs(desired: Any, observed: Any, *, quantities: bool, keeps_zero: bool = False) -> bool:
    if desired is None or (_is_empty(desired) and _is_empty(observed)):
        return False
    if observed is None and desired == 0 and not keeps_zero:
        return False
    if observed is None:
        return True
    if isinstance(desired, Mapping):
        return not isinstance(observed, Mapping) or any(
            _differs(
                value,
                observed.get(name),
                quantities=quantities or is_quantity(name, desired),
                keeps_zero=name in _ZERO_IS_NOT_ABSENCE,
            )
            for name, value in desired.items()
        )
    if _is_list(desired):
        return (
            not _is_list(observed)
            or len(desired) != len(observed)
            or any(
                _differs(mine, theirs, quantities=quantities) for mine, theirs in zip(desired, observed, strict=True)
            )
        )
    return _scalar_differs(desired, observed, quantities=quantities)


def _scalar_differs(desired: Any, observed: Any, *, quantities: bool) -> bool:
    if isinstance(desired, bool) or isinstance(observed, bool):
        return desired is not observed
    if desired == observed:
        return False
    if not quantities:
        return True
    mine, theirs = parse_quantity(str(desired)), parse_quantity(str(observed))
    return mine is None or theirs is None or mine != theirs


def _is_empty(value: Any) -> bool:
    """Whether the API server writes this as absence, whatever the field. Not so 0: that depends on the field."""
    return value is None or value is False or ((isinstance(value, Mapping | str) or _is_list(value)) and not value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
