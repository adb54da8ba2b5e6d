# SPDX-License-Identifier: Apache-2.0
"""Whether a user's Promotion holds the policy: by the terms of its alias."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retrainpolicy import Hold
from mlops_operator.controllers.retrainpolicy.policies.hold import Author, Term, held_by
from tests.unit.controllers.builders import later

AUTHORS = {"s": Author.SELF, "a": Author.AUTOMATION, "u": Author.USER, "?": Author.UNKNOWN}


def terms(story: str) -> list[Term]:
    """The terms of a story such as `a1 s2 u1`: who promoted which version, the earliest first."""
    found = [
        Term(
            version=f"v{word[1]}",
            uid=f"uid-of-v{word[1]}",
            digest=f"sha256:{word[1]}",
            promotion=f"p{number}",
            promotion_uid=f"uid-{number}",
            since=timestamp(later(60 * number)),
            author=AUTHORS[word[0]],
        )
        for number, word in enumerate(story.split())
    ]
    return found[::-1]


def hold(
    story: str | Sequence[Term], *, created: float = 0, resumed: str = "", known: Hold | None = None
) -> Hold | None:
    seen = terms(story) if isinstance(story, str) else story
    return held_by(seen, created=timestamp(later(created)), resumed=resumed, known=known)


@pytest.mark.parametrize(
    ("story", "held"),
    [
        ("", False),
        ("a1", False),
        ("u1", False),  # a user's first version
        ("a1 s2", False),
        ("a1 s2 u1", True),  # the undo
        ("a1 s2 ?1", True),  # its Promotion was deleted
        ("a1 s2 u3", True),  # away from what the policy promoted
        ("a1 s2 ?3", False),  # a version of another policy whose Promotion was deleted, for all that is known
        ("a1 s2 a3", False),  # another policy
        ("a1 s2 s3 u2", True),  # an undo to a version that the policy promoted earlier
        ("a1 s2 u1 u2", False),  # undo of the undo
        ("a1 s2 u1 u2 u1", True),
        ("a1 s2 u3 u1", True),
        ("a1 s2 u1 u3", False),  # moves on to a version that is promoted later
        ("a1 s2 u1 s3", False),
        ("a1 s2 u1 a3", False),
        ("a1 u2 u1", True),  # a manual Promotion back, though the policy promoted neither
        ("a1 u2", False),
    ],
)
def test_who_moved_the_alias_and_whereto(story: str, held: bool) -> None:
    found = hold(story)
    assert (found is not None) == held
    if found is not None:
        last = terms(story)[0]
        assert (found.promotion, found.promotion_uid, found.version, found.since) == (
            last.promotion,
            last.promotion_uid,
            last.version,
            last.since,
        )


@pytest.mark.parametrize(("created", "held"), [(119, True), (120, True), (121, False)])
def test_a_move_before_the_policy_was_created_does_not_hold_it(created: float, held: bool) -> None:
    assert (hold("a1 s2 u1", created=created) is not None) == held


def test_the_resume_ends_the_hold_of_that_promotion_alone() -> None:
    assert hold("a1 s2 u1", resumed="uid-2") is None
    assert hold("a1 s2 u1 s3 u1", resumed="uid-2") is not None


def test_a_known_hold_stays_when_its_promotion_or_the_history_is_deleted() -> None:
    known = hold("a1 s2 u1")
    assert hold([terms("a1 s2 ?1")[0]], known=known) == known


def test_a_hold_by_another_promotion_is_another_hold() -> None:
    known = hold("a1 s2 u1")
    found = hold("a1 s2 u1 s3 u1", known=known)
    assert found is not None
    assert found.promotion_uid == "uid-4"


FIRST: dict[str, Any] = {"version": "v1", "uid": "a", "digest": "sha256:1"}


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, True),
        ({"version": "copy", "uid": "b"}, True),  # the same artifact under another name
        ({"uid": "b", "digest": "sha256:3"}, False),  # another artifact under the same name
        ({"uid": "b", "digest": None}, False),  # another object of that name
        ({"version": "renamed", "digest": None}, True),
        ({"uid": "", "digest": None}, True),
        ({"version": "v9", "uid": "", "digest": None}, False),
    ],
)
def test_versions_are_compared_by_digest_then_by_uid_then_by_name(changes: dict[str, Any], held: bool) -> None:
    current, own, first = terms("a1 a2 u1")
    first = replace(first, **FIRST)
    current = replace(current, **{**FIRST, **changes})
    assert (hold([current, own, first]) is not None) == held
