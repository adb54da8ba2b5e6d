# SPDX-License-Identifier: Apache-2.0
"""The fields of a manifest that the API server does not know, from its answer; pure.

It reports them in two ways: a create with strict validation as `unknown field "spec.a[0].b"`, with positions in lists,
and an apply as `.spec.a[name="x"].b: field not declared in schema`, with the keys of list items. A user knows the
keys: the operator adds items to lists, so the positions are not those in the user's template.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_STRICT: Final = re.compile(r'unknown field "([^"]+)"')
_UNDECLARED: Final = re.compile(r"\.(\S+): field not declared in schema")
_INDEX: Final = re.compile(r"\[(\d+)\]$")


def unknown_fields(message: str, manifest: Mapping[str, Any]) -> list[str]:
    """Paths of the unknown fields in `manifest` that the API server's `message` reports; none where it reports none."""
    strict = [_with_names(path, manifest) for path in _STRICT.findall(message)]
    return sorted({*strict, *_UNDECLARED.findall(message)})


def _with_names(path: str, manifest: Mapping[str, Any]) -> str:
    """`path` with the names of list items in place of their positions, as far as they have some."""
    found: Any = manifest
    parts = []
    for part in path.split("."):
        index = _INDEX.search(part)
        key = part[: index.start()] if index else part
        found = found.get(key) if isinstance(found, Mapping) else None
        if index is not None:
            found = _item(found, int(index.group(1)))
            if isinstance(found, Mapping) and isinstance(found.get("name"), str):
                key = f'{key}[name="{found["name"]}"]'
            else:
                key = part
        parts.append(key)
    return ".".join(parts)


def _item(items: Any, index: int) -> Any:
    return items[index] if isinstance(items, Sequence) and index < len(items) else None
