# SPDX-License-Identifier: Apache-2.0
"""Merge patches: smallest, and right by RFC 7386."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlops_operator.runtime.work.merge import merge_patch, without_nulls

scalars = st.one_of(st.integers(-3, 3), st.text("ab", max_size=2), st.booleans())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def patched(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, as written there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


@given(observed=objects, wanted=objects)
def test_applied_it_gives_what_is_wanted(observed: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert patched(observed, merge_patch(observed, wanted)) == wanted


@given(observed=objects)
def test_nothing_to_do_is_an_empty_patch(observed: dict[str, Any]) -> None:
    assert merge_patch(observed, observed) == {}


def test_only_what_differs_is_in_it() -> None:
    observed = {"phase": "Running", "counts": {"a": 1, "b": 2}, "list": [1, 2]}
    wanted = {"phase": "Running", "counts": {"a": 1, "b": 3}, "list": [1, 2]}
    assert merge_patch(observed, wanted) == {"counts": {"b": 3}}


def test_what_vanished_is_null() -> None:
    assert merge_patch({"a": 1, "b": {"c": 1}}, {"a": 1}) == {"b": None}


def test_lists_are_replaced_whole() -> None:
    assert merge_patch({"l": [1, 2]}, {"l": [1, 3]}) == {"l": [1, 3]}


def test_a_wanted_null_is_absence() -> None:
    assert merge_patch({"a": 1}, {"a": None, "b": None}) == {"a": None}
    assert merge_patch({}, {"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}
    assert merge_patch({}, {"b": None}) == {}


def test_nulls_in_objects_go_at_every_depth() -> None:
    assert without_nulls({"a": {"b": None, "c": {"d": None}}}) == {"a": {"c": {}}}
