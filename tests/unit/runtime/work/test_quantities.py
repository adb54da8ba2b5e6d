# SPDX-License-Identifier: Apache-2.0
"""Quantities have a value, and all spellings of one value have one canonical spelling."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_operator.runtime.work.quantities import canonical, is_quantity, parse_quantity, shortest

GROUPS = [
    ["20m", "0.02", "0.020", "20000u", "20000000n", "2e-2", "2E-2", ".02", "+20m"],
    ["128Mi", "131072Ki", "134217728", "0.125Gi", "134217728000m"],
    ["1", "1.0", "1000m", "1e0", "01"],
    ["1k", "1000", "1e3", "1E3", "0.001M"],
    ["1T", "1e12", "1000G"],
    ["0", "0m", "0.0", "0Gi"],
    ["-5", "-5000m"],
]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0])
def test_equal_quantities_have_one_spelling(group: list[str]) -> None:
    assert len({parse_quantity(text) for text in group}) == 1
    assert {canonical({"cpu": text}, quantity=True)["cpu"] for text in group} == {group[0]}


def test_values_that_differ_keep_apart() -> None:
    spellings = {canonical(group[0], quantity=True) for group in GROUPS}
    assert len(spellings) == len(GROUPS)
    assert canonical("20m", quantity=True) != canonical("21m", quantity=True)
    assert canonical("1Ki", quantity=True) != canonical("1k", quantity=True)


@given(st.decimals(min_value=-(10**18), max_value=10**18, allow_nan=False, places=9))
def test_a_canonical_spelling_has_the_value(value: Decimal) -> None:
    assert parse_quantity(shortest(value)) == value
    assert canonical(shortest(value), quantity=True) == shortest(value)


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "1KiB", "NaN"])
def test_what_is_no_quantity_stays(text: str) -> None:
    assert parse_quantity(text) is None
    assert canonical(text, quantity=True) == text


def test_numbers_and_texts_are_equal() -> None:
    assert canonical({"limits": {"cpu": 1}}) == canonical({"limits": {"cpu": "1"}}) == {"limits": {"cpu": "1"}}
    assert canonical({"limits": {"cpu": True}}) == {"limits": {"cpu": True}}


def test_only_quantities_are_respelled() -> None:
    spec: dict[str, Any] = {
        "containers": [
            {
                "env": [{"name": "RATE", "value": "0.020"}],
                "args": ["1000m"],
                "resources": {"requests": {"ephemeral-storage": "1024Mi"}},
            }
        ],
        "overhead": {"cpu": "0.250"},
        "volumes": [{"emptyDir": {"sizeLimit": "1024Mi"}}],
        "target": {"type": "Value", "value": "1000m", "averageValue": "500e-3"},
    }
    assert canonical(spec) == {
        "containers": [
            {
                "env": [{"name": "RATE", "value": "0.020"}],
                "args": ["1000m"],
                "resources": {"requests": {"ephemeral-storage": "1Gi"}},
            }
        ],
        "overhead": {"cpu": "250m"},
        "volumes": [{"emptyDir": {"sizeLimit": "1Gi"}}],
        "target": {"type": "Value", "value": "1", "averageValue": "500m"},
    }


@pytest.mark.parametrize(
    ("name", "beside", "expected"),
    [
        ("value", {"type": "Value"}, True),
        ("value", {"type": "AverageValue"}, True),
        ("value", {"name": "RATE"}, False),
        ("overhead", {}, True),
        ("name", {"type": "Value"}, False),
    ],
)
def test_which_fields_are_quantities(name: str, beside: dict[str, str], expected: bool) -> None:
    assert is_quantity(name, beside) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e9", Decimal(10) ** 9),
        ("1E10", Decimal(10) ** 10),
        ("1e99", Decimal(10) ** 99),
        ("1e100", None),
        ("1e999999999999999999999", None),
        ("1e-99999999999999999999", None),
        ("20m", Decimal("0.02")),
        ("zz", None),
    ],
)
def test_an_exponent_of_any_length_is_read_or_is_no_quantity(text: str, value: Decimal | None) -> None:
    assert parse_quantity(text) == value


@given(
    st.one_of(
        st.text(max_size=20), st.from_regex(r"[0-9]{1,40}(\.[0-9]{1,9})?(m|Ki|Ei|[eE][0-9]{1,25})?", fullmatch=True)
    )
)
def test_no_text_raises(text: str) -> None:
    parse_quantity(text)
