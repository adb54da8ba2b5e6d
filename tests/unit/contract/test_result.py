# SPDX-License-Identifier: Apache-2.0
"""A termination message is a result or `ResultInvalidError`, whatever it contains."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_contract import MAX_RESULT_BYTES, ResultInvalidError
from mlops_contract.models.result import Result, parse_result
from mlops_contract.text import MAX_TEXT

UID = "u-0"

JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=()))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(st.characters(exclude_categories=())), inner, max_size=3)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(["v", "uid", "metrics", "counts", "artifacts", "data", "report", "notes", "other"])
DOCUMENTS = st.dictionaries(FIELDS, JSON_VALUES, max_size=6).map(lambda found: {"v": 1, "uid": UID, **found})


def message(**fields: Any) -> str:
    return json.dumps({"v": 1, "uid": UID, **fields})


@given(st.one_of(st.text(st.characters(exclude_categories=()), max_size=300), DOCUMENTS.map(json.dumps)))
def test_nothing_but_a_result_or_the_error_comes_of_any_message(text: str) -> None:
    try:
        result = parse_result(text, uid=UID)
    except ResultInvalidError as error:
        words = str(error)
        assert words.encode().decode() == words
        assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(character) for character in words}
        assert len(words) <= 1024
    else:
        assert isinstance(result, Result)
        assert all(name.isprintable() for name in (*result.metrics, *result.counts))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 3000, "nests too deeply"),
        ('{"v":1,"uid":"u-0","metrics":' + "[" * 2000, "nests too deeply|not JSON"),
        ("\ud800", "not JSON"),
        (message()[:-1] + ',"uid":"u-1"}', "names a key twice"),
        (message(v=True), "malformed at v"),
        (message(v="1"), "malformed at v"),
        (message(metrics={"a": True}), r"malformed at metrics\.a"),
        (message(metrics={"a": "0.9"}), r"malformed at metrics\.a"),
        (message(metrics={"a": None}), r"malformed at metrics\.a"),
        ('{"v":1,"uid":"u-0","metrics":{"a":1e999}}', r"malformed at metrics\.a"),
        ('{"v":1,"uid":"u-0","metrics":{"a":NaN}}', r"malformed at metrics\.a"),
        (message(counts={"a": True}), r"malformed at counts\.a"),
        (message(counts={"a": "7"}), r"malformed at counts\.a"),
        (message(counts={"a": 7.5}), r"malformed at counts\.a"),
        (message(counts={"a": -1}), r"malformed at counts\.a"),
        (message(counts={"a": 2**53 + 1}), r"malformed at counts\.a"),
        (message(metrics={"a\nb": 1.0}), "malformed at metrics"),
        (message(metrics={"\x1b[31mred": 1.0}), "malformed at metrics"),
        (message(metrics={"a\u0000": 1.0}), "malformed at metrics"),
        (message(metrics={"": 1.0}), "malformed at metrics"),
        (message(metrics={"x" * 129: 1.0}), "malformed at metrics"),
        (message(uid="\ud800"), "malformed|not JSON"),
        (message(uid=7), "malformed at uid"),
    ],
)
def test_what_is_no_result_is_told(text: str, why: str) -> None:
    with pytest.raises(ResultInvalidError, match=why):
        parse_result(text, uid=UID)


def test_numbers_and_names_that_are_right_are_taken() -> None:
    found = parse_result(
        message(metrics={"accuracy@original.lower": 1, "Güte (5 %)": 0.5, "x" * 128: -1e-9}, counts={"all": 2**53}),
        uid=UID,
    )
    assert found.metrics == {"accuracy@original.lower": 1.0, "Güte (5 %)": 0.5, "x" * 128: -1e-9}
    assert found.counts == {"all": 2**53}


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, True), (1, False)])
def test_the_size_is_bounded_in_bytes(more: int, fits: bool) -> None:
    bare = message(other="")
    text = message(other="x" * (MAX_RESULT_BYTES - len(bare) + more))
    if fits:
        parse_result(text, uid=UID)
    else:
        with pytest.raises(ResultInvalidError, match=f"at most {MAX_RESULT_BYTES}"):
            parse_result(text, uid=UID)


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, True), (1, False)])
def test_a_result_of_the_largest_size_can_be_reported(more: int, fits: bool) -> None:
    def result(length: int) -> Result:
        uri = "x" * 1024
        report = {"uri": uri, "digest": f"sha256:{'a' * 64}"}
        return Result(uid=UID, report=report, notes=["n" * 256] * 7 + ["n" * length])

    length = MAX_RESULT_BYTES - len(result(0).to_message()) + more
    if fits:
        assert parse_result(result(length).to_message(), uid=UID) == result(length)
    else:
        with pytest.raises(ResultInvalidError, match=f"has {MAX_RESULT_BYTES + 1} bytes, at most {MAX_RESULT_BYTES}"):
            result(length).to_message()


def test_an_artifact_without_a_size_has_none() -> None:
    artifact = {"name": "a", "uri": "pvc://a", "digest": f"sha256:{'a' * 64}"}
    (found,) = parse_result(message(artifacts=[artifact]), uid=UID).artifacts
    assert (found.size, found.format) == (0, "")


@pytest.mark.parametrize(
    "fields",
    [
        lambda n: {"artifacts": [{"name": "a", "uri": "pvc://a", "digest": f"sha256:{'a' * 64}"}] * n},
        lambda n: {"notes": ["one row was skipped"] * n},
    ],
    ids=["artifacts", "notes"],
)
def test_eight_artifacts_and_notes_are_taken_and_nine_are_not(fields: Callable[[int], dict[str, Any]]) -> None:
    for number in (7, 8):
        assert parse_result(message(**fields(number)), uid=UID)
    with pytest.raises(ResultInvalidError, match="malformed at"):
        parse_result(message(**fields(9)), uid=UID)


def test_the_size_is_what_the_documentation_says_and_the_kubelet_keeps() -> None:
    assert MAX_RESULT_BYTES == 3 * 1024 < 4096
    assert MAX_TEXT == 1024, "the longest message of a field of a status"
