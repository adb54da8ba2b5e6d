# SPDX-License-Identifier: Apache-2.0
"""CEL rules of a model, and whether they see every field they read.

To CEL an absent field is an error, not its default. So a field that a rule reads without asking
`has()` must always be there: required, or with a default that the API server fills in, be it an
empty list.
"""

import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from mlops_operator.api.schema import CelRule


def model_rules(model: type[BaseModel]) -> Iterator[CelRule]:
    """The CEL rules of `model` and of the models it extends, the base's first, each once."""
    seen: set[CelRule] = set()
    for cls in reversed(model.__mro__):
        for rule in cls.__dict__.get("rules", ()):
            if rule not in seen:
                seen.add(rule)
                yield rule


def validation(rule: CelRule) -> dict[str, str]:
    """One entry of `x-kubernetes-validations`."""
    return {"rule": rule.rule, "message": rule.message}


def read_unasked(rules: Iterable[CelRule]) -> frozenset[str]:
    """The fields of `self` that a rule reads without asking `has()` for them."""
    return frozenset(
        name
        for rule in rules
        for name in re.findall(r"\bself\.(\w+)", rule.rule)
        if not re.search(rf"\bhas\(self\.{name}\)", rule.rule)
    )
