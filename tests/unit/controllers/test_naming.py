"""Names of children: within a DNS label, and cut between words."""

import pytest

from mlops_operator.controllers.shared.naming import (
    HASH_LENGTH,
    MAX_LABEL,
    child_metadata,
    child_name,
    label_value,
    short_hash,
)
from mlops_operator.kube.resources import EVALUATIONS
from tests.unit.controllers.builders import make

SUFFIX = "evaluate"
ROOM = MAX_LABEL - len(SUFFIX) - HASH_LENGTH - 2
"""Characters that are left for the parent's name."""


def named(name: str) -> str:
    parent = make(EVALUATIONS, name)
    full = child_name(parent, SUFFIX)
    tail = f"-{short_hash(parent['metadata']['uid'])}-{SUFFIX}"
    assert full.endswith(tail)
    assert len(full) <= MAX_LABEL
    return full.removesuffix(tail)


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


def test_names_are_those_of_the_children_that_exist() -> None:
    # Another length would make every parent's children anew when the operator is upgraded.
    parent = make(EVALUATIONS, "gate")
    parent["metadata"]["uid"] = "0b6c1fd2"
    assert child_name(parent, SUFFIX) == "gate-4ca77246-evaluate"
    assert len(child_name(make(EVALUATIONS, "a" * 80), SUFFIX)) == 63, "a DNS label has no more"


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
