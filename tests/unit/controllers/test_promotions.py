# SPDX-License-Identifier: Apache-2.0
"""Promotions as other controllers find them: open ones, those that passed their gate, and rejected ones."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.promotion import PromotionPhase
from mlops_operator.controllers.shared.promotions import (
    OPEN_PROMOTIONS_BY_ALIAS,
    PASSED_GATES_BY_ALIAS,
    REJECTED_PROMOTIONS_BY_ALIAS,
    PassedGate,
    RejectedPromotion,
    alias_value,
    is_by_user,
)
from mlops_operator.kube.resources import JOBS, MODELS, PROMOTIONS, RETRAIN_POLICIES, Resource
from tests.unit.controllers.builders import NAMESPACE, make

VALUE = alias_value(NAMESPACE, "digits", "champion")
PASSED = {"type": "GatePassed", "status": "True", "reason": "Passed"}


def promotion(phase: PromotionPhase | None = None, **status: Any) -> Manifest:
    spec = {"model": "digits", "alias": "champion", "version": "v1"}
    return make(PROMOTIONS, "p", spec=spec, status={**({"phase": phase} if phase else {}), **status})


@pytest.mark.parametrize(
    ("obj", "found"),
    [
        (promotion(), {"open"}),
        (promotion(PromotionPhase.EVALUATING), {"open"}),
        (promotion(PromotionPhase.EVALUATING, conditions=[{**PASSED, "status": "False"}]), {"open"}),
        (promotion(PromotionPhase.PROMOTING, conditions=[PASSED]), {"open", "passed"}),
        (promotion(PromotionPhase.PROMOTED, conditions=[PASSED]), set()),
        (promotion(PromotionPhase.SUPERSEDED), set()),
        (promotion(PromotionPhase.REJECTED), {"rejected"}),
        ({key: value for key, value in promotion().items() if key != "status"}, {"open"}),
    ],
)
def test_a_promotion_is_found_by_its_alias_and_what_is_decided(obj: Manifest, found: set[str]) -> None:
    indexes = {
        "open": OPEN_PROMOTIONS_BY_ALIAS,
        "passed": PASSED_GATES_BY_ALIAS,
        "rejected": REJECTED_PROMOTIONS_BY_ALIAS,
    }
    assert {name for name, index in indexes.items() if list(index.values(obj)) == [VALUE]} == found
    assert all(list(index.values(obj)) == [] for name, index in indexes.items() if name not in found)


def test_the_facts_of_a_promotion_have_what_was_recorded() -> None:
    passed = promotion(candidate={"uid": "u1", "digest": "sha256:a"}, fromUid="u0")
    passed["status"]["from"] = "v0"
    created, uid = passed["metadata"]["creationTimestamp"], passed["metadata"]["uid"]
    expected = PassedGate(created, True, "p", uid, "v1", "u1", "sha256:a", "v0", "u0")
    assert PASSED_GATES_BY_ALIAS.fact(passed) == expected
    assert PASSED_GATES_BY_ALIAS.fact(promotion()) == PassedGate(created, True, "p", uid, "v1", "", "", "", "")
    assert REJECTED_PROMOTIONS_BY_ALIAS.fact(passed) == RejectedPromotion(created, "p")


def test_a_promotion_without_a_spec_is_found_under_no_alias() -> None:
    bare = promotion()
    bare["spec"] = None
    assert list(OPEN_PROMOTIONS_BY_ALIAS.values(bare)) == [alias_value(NAMESPACE, "", "")]


@pytest.mark.parametrize(("owner", "by_user"), [(None, True), (JOBS, True), (RETRAIN_POLICIES, False), (MODELS, False)])
def test_a_promotion_is_automatic_where_a_policy_or_a_model_made_it(owner: Resource | None, by_user: bool) -> None:
    made = make(PROMOTIONS, "p", spec={}, owner=make(owner, "o", spec={}) if owner is not None else None)
    assert is_by_user(made) is by_user
