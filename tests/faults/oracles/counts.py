# SPDX-License-Identifier: Apache-2.0
"""How often each object was made and deleted in a run."""

from collections import Counter
from typing import Final

from mlops_operator.kube.resources import PODS
from tests.faults.history import History
from tests.faults.oracles.names import Names

Counts = dict[str, int]
"""By `create <object>` and `delete <object>`."""

_VERBS: Final = {"ADDED": "create", "DELETED": "delete"}


def creations(history: History) -> Counts:
    """The creations and deletions of all objects but pods, whoever made or deleted them."""
    names = Names(history, {})
    return dict(
        Counter(
            f"{_VERBS[change.type]} {names.of(change.resource.plural, change.object['metadata']['name'])}"
            for change in history.changes
            if change.type in _VERBS and change.resource != PODS
        )
    )
