# SPDX-License-Identifier: Apache-2.0
"""Text of others is made safe, whatever it contains."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_contract.text import MAX_TEXT, clean, decode_json, decode_object, whole_number

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
"""Any code points, lone surrogates too."""


@given(ANY_TEXT, st.integers(1, 50))
@example("\udfff\ud800", 10)
@example("a\nb\x1b[31m\x00\u2028c", 50)
def test_clean_text_is_one_bounded_line_of_valid_unicode(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert cleaned.encode().decode() == cleaned
    assert not {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} & {unicodedata.category(character) for character in cleaned}
    assert "  " not in cleaned
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned, limit) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("accuracy fell by 0.1 €", "accuracy fell by 0.1 €"),
        ("line one\r\n\tline two\n", "line one line two"),
        ("x\ud800y", "x y"),
        ("safe\u202etxt.exe", "safe txt.exe"),
        ("digits\u200b-a", "digits -a"),
        ("digits\ue000-a", "digits -a"),
        ("digits\u00a0a", "digits a"),
        ("too   many \u200b\n  spaces", "too many spaces"),
        ("naïve 数字 🙂", "naïve 数字 🙂"),
        (None, ""),
        (7, ""),
        ("x" * (MAX_TEXT - 1), "x" * (MAX_TEXT - 1)),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT),
    ],
)
def test_clean_keeps_what_can_be_read(text: object, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 3000, "nests too deeply"),
        ('{"a":' * 3000, "nests too deeply"),
        ('{"a": 1, "a": 2}', "names a key twice"),
        ('{"x": {"a": 1, "a": 1}}', "names a key twice"),
        ("NaN", "no JSON numbers"),
        ('{"a": -Infinity}', "no JSON numbers"),
        ("9" * 5000, "limit"),
        ("", "character 0"),
        ("secret", "character 0"),
    ],
)
def test_what_is_no_json_is_one_kind_of_error_that_quotes_nothing(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        decode_json(text)
    assert "secret" not in str(caught.value)
    assert decode_object(text) is None


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"c": []}}', "{}", "[]", "[{}]", "1", '"a"', "null", "true"])
def test_an_object_is_told_from_other_values(text: str) -> None:
    value = json.loads(text)
    assert decode_object(text) == (value if text.startswith("{") else None)


@given(st.one_of(ANY_TEXT, st.none(), st.integers(), st.text('[{"}],:01e-+.aN \\ud', max_size=60)))
def test_an_object_is_found_or_not(text: object) -> None:
    found = decode_object(text)
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("7", 7),
        ("999999999", 999_999_999),
        ("1000000000", 5),
        ("zz", 5),
        ("-1", 5),
        ("", 5),
        ("²", 5),
        (None, 5),
        (7, 5),
    ],
)
def test_a_label_that_states_no_number_says_nothing(text: object, number: int) -> None:
    assert whole_number(text, 5) == number
