"""Quantities are read exactly, and no text of a spec raises."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_operator.runtime.quantities import parse_quantity


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
