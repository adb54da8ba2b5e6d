# SPDX-License-Identifier: Apache-2.0
"""Names of children: readable words and one hash, within a DNS label, cut between words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.naming import (
    MAX_LABEL,
    NAME_HASH_LENGTH,
    child_metadata,
    child_name,
    hashed_name,
    label_value,
    name_hash,
    short_hash,
)
from mlops_operator.kube.resources import EVALUATIONS
from tests.unit.controllers.builders import make

WORD = "evaluate"
ROOM = MAX_LABEL - len(WORD) - NAME_HASH_LENGTH - 2
"""Characters that are left for the parent's name."""

_MADE = re.compile(r"[a-f][0-9a-f]{9}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def named(name: str) -> str:
    full = child_name(make(EVALUATIONS, name), WORD)
    head, word, made = full.rsplit("-", 2)
    assert word == WORD
    assert _MADE.fullmatch(made)
    assert len(full) <= MAX_LABEL
    return head


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a" * (ROOM - 1), "a" * (ROOM - 1)),
        ("a" * ROOM, "a" * ROOM),
        ("a" * (ROOM + 1), "a" * ROOM),
        ("word-" + "b" * (ROOM - 5), "word-" + "b" * (ROOM - 5)),
        ("word-" + "b" * (ROOM - 4), "word"),
        ("c" * ROOM + "-word", "c" * ROOM),
        ("with.dots", "with-dots"),
    ],
)
def test_a_name_is_cut_between_words_and_only_where_it_must(name: str, head: str) -> None:
    assert named(name) == head


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("digits-c0ffee1234", "digits"),
        ("digits-champion-a123456789", "digits-champion"),
        ("c0ffee1234", "c0ffee1234"),
        # No hash in a name begins with a digit: dates and numbers of users stay.
        ("nightly-20260101", "nightly-20260101"),
        ("nightly-2026010112", "nightly-2026010112"),
        ("digits-0c0ffee123", "digits-0c0ffee123"),
        ("digits-c0ffee123", "digits-c0ffee123"),
        ("digits-c0ffee12345", "digits-c0ffee12345"),
    ],
)
def test_a_childs_child_has_one_hash_and_words_of_users_stay(name: str, head: str) -> None:
    assert named(name) == head


def test_a_version_of_a_model_keeps_the_dots() -> None:
    assert re.fullmatch(r"digits\.v2-[a-f][0-9a-f]{9}", hashed_name("digits.v2", covers=("u", "d"), max_length=253))


def test_names_are_the_same_in_every_release() -> None:
    parent = make(EVALUATIONS, "digits-gate", uid="6ba7b810-9dad-41d1-80b4-00c04fd430c8")
    assert child_name(parent, WORD) == "digits-gate-evaluate-fa714e6cef"
    assert child_name(parent, WORD, folded=("x",)) == "digits-gate-evaluate-b64268cbf5"


def test_neither_owner_nor_labels_change_the_names_of_children() -> None:
    bare = make(EVALUATIONS, "digits-c0ffee1234", uid="u")
    owned = make(EVALUATIONS, "digits-c0ffee1234", uid="u", owner=make(EVALUATIONS, "parent"))
    assert child_name(bare) == child_name(owned)


# -- uniqueness -------------------------------------------------------------------------------

_WORDS = st.text("ab0", min_size=1, max_size=3)
_NAMES = st.lists(_WORDS, min_size=1, max_size=30).map("-".join)
_UIDS = st.sampled_from(("u", "v", "w"))
_SUFFIXES = st.lists(_WORDS, max_size=3).map(tuple)
_CHILDREN = st.tuples(_NAMES, _UIDS, _SUFFIXES, _SUFFIXES)


def child(of: tuple[str, str, tuple[str, ...], tuple[str, ...]]) -> str:
    name, uid, words, folded = of
    return child_name(make(EVALUATIONS, name, uid=uid), *words, folded=folded)


@given(_CHILDREN, _CHILDREN)
def test_two_children_never_share_a_name(
    one: tuple[str, str, tuple[str, ...], tuple[str, ...]], two: tuple[str, str, tuple[str, ...], tuple[str, ...]]
) -> None:
    same = (one[1], "-".join(one[2]), one[3]) == (two[1], "-".join(two[2]), two[3])
    if not same:
        assert child(one) != child(two)
        assert child(one).rpartition("-")[2] != child(two).rpartition("-")[2]


@given(_CHILDREN)
def test_every_name_is_a_label_with_its_words_and_one_hash_at_its_end(
    of: tuple[str, str, tuple[str, ...], tuple[str, ...]],
) -> None:
    full = child(of)
    assert _LABEL.fullmatch(full)
    assert len(full) <= MAX_LABEL
    head, _, made = full.rpartition("-")
    assert _MADE.fullmatch(made)
    assert head.endswith("-".join(of[2]))
    again: Manifest = make(EVALUATIONS, full, uid=of[1])
    assert child_name(again).rpartition("-")[0] == head


def test_ten_thousand_names_are_all_different_and_begin_with_each_letter() -> None:
    hashes = {name_hash("uid", str(number)) for number in range(10_000)}
    assert len(hashes) == 10_000
    assert {made[0] for made in hashes} == set("abcdef")


def test_the_borders_of_what_a_hash_covers_count() -> None:
    assert name_hash("ab", "c") != name_hash("a", "bc")
    assert short_hash("ab", "c") != short_hash("a", "bc")


@pytest.mark.parametrize("length", [62, 63])
def test_a_name_that_fits_is_a_label_as_it_is(length: int) -> None:
    assert label_value("a" * length) == "a" * length


def test_a_longer_name_is_a_label_that_differs_from_others() -> None:
    one, two = label_value("a" * 64), label_value("a" * 63 + "b")
    assert len(one) == len(two) == 63
    assert one != two
    assert label_value("a" * 53 + "-." + "b" * 20) == f"{'a' * 53}-{short_hash('a' * 53 + '-.' + 'b' * 20)}"


def test_a_child_has_the_labels_of_its_parent_and_its_own() -> None:
    parent = make(EVALUATIONS, "gate")
    plain = child_metadata(parent, "c", component="evaluate")
    marked = child_metadata(parent, "c", component="evaluate", labels={"a": "b"})
    assert plain["labels"]["mlops-operator.io/evaluation"] == "gate"
    assert marked["labels"] == {**plain["labels"], "a": "b"}
