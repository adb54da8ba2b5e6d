# SPDX-License-Identifier: Apache-2.0
"""The page that lists the reasons of all kinds, for a reader who starts from a reason in `kubectl get`."""

import inspect
from collections import defaultdict
from typing import Final

from mlops_operator.api.kind import Kind
from mlops_operator.codegen.crd.descriptions import member_descriptions
from mlops_operator.codegen.docs.enums import enums_of
from mlops_operator.codegen.docs.markdown import cell, code, section, table

_SUFFIX: Final = "Reason"
"""Enumerations of reasons are named after what they are about: `TrainingReason`, `DecisionReason`."""


def reasons_page(kinds: tuple[Kind, ...]) -> str:
    """Every reason once, with the kinds that use it and its meaning for each of them."""
    found: defaultdict[str, defaultdict[str, list[Kind]]] = defaultdict(lambda: defaultdict(list))
    for kind in kinds:
        module = inspect.getmodule(kind.spec)
        assert module is not None
        for enum in enums_of(module):
            if enum.__name__.endswith(_SUFFIX):
                for value, words in member_descriptions(enum).items():
                    users = found[value][words]
                    if kind not in users:
                        users.append(kind)
    rows = [
        (code(value), ", ".join(f"[{kind.kind}]({kind.singular}.md)" for kind in users), cell(words))
        for value, by_words in sorted(found.items())
        for words, users in by_words.items()
    ]
    return section(
        "Reasons",
        "Reasons of conditions, decisions and signals. [Troubleshooting](../how-to/troubleshooting.md) has what to do "
        "about those that are met most often.",
        table(("reason", "kinds", "meaning"), rows),
        level=1,
    )
