# SPDX-License-Identifier: Apache-2.0
"""JSON merge patches (RFC 7386): the smallest one that turns what is there into what is wanted."""

from collections.abc import Mapping
from typing import Any

from mlops_operator.api.meta import Manifest


def merge_patch(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> Manifest:
    """The patch from `observed` to `wanted`; empty where they are the same.

    Objects are descended into, lists are replaced whole, what is not wanted becomes null. A
    wanted null means absent, as the API server would drop it anyway.
    """
    if observed == wanted:
        return {}
    patch: Manifest = {}
    for name, value in wanted.items():
        if value is None:
            continue
        found = observed.get(name)
        if isinstance(value, Mapping):
            if isinstance(found, Mapping):
                if inner := merge_patch(found, value):
                    patch[name] = inner
            else:
                patch[name] = without_nulls(value)
        elif found != value:
            patch[name] = value
    for name, value in observed.items():
        if value is not None and wanted.get(name) is None:
            patch[name] = None
    return patch


def without_nulls(value: Mapping[str, Any]) -> Manifest:
    """A copy of a JSON object in which no member, at any depth of objects, is null."""
    return {
        name: without_nulls(inner) if isinstance(inner, Mapping) else inner
        for name, inner in value.items()
        if inner is not None
    }
