# SPDX-License-Identifier: Apache-2.0
"""Kubernetes quantities: `500m`, `1Gi`, `1e3`, read exactly, and one spelling for all that are equal."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

_QUANTITY: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]?|[eE][+-]?\d{1,2})")
"""A longer exponent is no quantity: Kubernetes takes none beyond 2^63, and decimal arithmetic none of any length."""
_DECIMAL_EXPONENTS: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_POWERS: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}

QUANTITIES: Final = frozenset(
    {
        *("allocatable", "averageValue", "capacity", "divisor", "hard", "limits", "overhead", "requests", "sizeLimit"),
    }
)
"""Fields of the API whose texts, or whose members' texts, are quantities. A metric's target has one more, see
`is_quantity`."""

_TARGET_TYPES: Final = frozenset({"Value", "AverageValue", "Utilization"})


def is_quantity(name: str, beside: Mapping[str, Any]) -> bool:
    """Whether a field of this name, in an object with these fields, is a quantity or a map of them.

    `value` is one only in the target of a HorizontalPodAutoscaler's metric, which has a type: an environment variable
    has a `value` as well.
    """
    return name in QUANTITIES or (name == "value" and beside.get("type") in _TARGET_TYPES)


def canonical(value: Any, *, quantity: bool = False) -> Any:
    """`value` with every quantity in it in its shortest spelling: equal for all that the API server takes for equal.

    What is no quantity, and texts that do not parse, stay as they are.
    """
    if isinstance(value, Mapping):
        return {name: canonical(entry, quantity=quantity or is_quantity(name, value)) for name, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [canonical(entry, quantity=quantity) for entry in value]
    if not quantity or isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    parsed = parse_quantity(str(value))
    return shortest(parsed) if parsed is not None else value


def shortest(value: Decimal) -> str:
    """The shortest spelling of a quantity; a binary suffix where a decimal one is as short: `128Mi`, `500m`, `1k`."""
    spellings = [f"{value.normalize():f}"]
    spellings += [_spelled(value / Decimal(1024) ** power, suffix) for suffix, power in _BINARY_POWERS.items()]
    spellings += [_spelled(value.scaleb(-power), suffix) for suffix, power in _DECIMAL_EXPONENTS.items() if suffix]
    exact = (text for text in spellings if "." not in text and parse_quantity(text) == value)
    return min(exact, key=len, default=f"{value:f}")


def _spelled(number: Decimal, suffix: str) -> str:
    return f"{number.normalize():f}{suffix}"


def parse_quantity(text: str) -> Decimal | None:
    """The exact value, or None where the text is no quantity. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2]
    if suffix in _BINARY_POWERS:
        return number * Decimal(1024) ** _BINARY_POWERS[suffix]
    if suffix in _DECIMAL_EXPONENTS:
        return number.scaleb(_DECIMAL_EXPONENTS[suffix])
    return number.scaleb(int(suffix[1:]))
