"""Names of children: within a DNS label, and cut between words."""

import pytest

from mlops_operator.controllers.shared.naming import HASH_LENGTH, MAX_LABEL, child_name, short_hash
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
