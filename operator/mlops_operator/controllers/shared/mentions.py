# SPDX-License-Identifier: Apache-2.0
"""What an object names, wherever in its spec or status it does.

Fields that name a version come and go with releases, and a check that has to know them all misses one. So everything
that an object says counts as a use.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.stores import training_folders

SPEC_AND_STATUS: Final = ("spec", "status")


def mentions(obj: Manifest, parts: Sequence[str] = SPEC_AND_STATUS) -> frozenset[str]:
    """All strings in these parts of an object, and the folders of TrainingJobs that its URIs are in."""
    found: set[str] = set()
    for part in parts:
        for text in _strings(obj.get(part)):
            found.add(text)
            found.update(training_folders(text))
    return frozenset(found)


def _strings(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case dict() as members:
                pending.extend(members.values())
            case list() as items:
                pending.extend(items)
