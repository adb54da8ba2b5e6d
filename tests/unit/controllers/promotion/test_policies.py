"""The single questions a Promotion is decided by."""

import pytest

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import AliasStatus, AliasTerm
from mlops_operator.controllers.promotion.indexes import Request
from mlops_operator.controllers.promotion.policies.moved import moved_at
from mlops_operator.controllers.promotion.policies.refused import refused_by
from mlops_operator.controllers.promotion.policies.rollback import is_former
from mlops_operator.controllers.promotion.policies.supersede import superseded_by
from mlops_operator.controllers.promotion.policies.verdict import by_verdict
from mlops_operator.controllers.shared.promotions import GateFailure

FIRST, SECOND = "2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z"
ALIAS = AliasStatus(
    name="champion",
    version="digits-b",
    promotion="to-b",
    promotion_uid="uid-b",
    since=SECOND,
    history=(AliasTerm(version="digits-a", promotion="to-a", promotion_uid="uid-a", since=FIRST),),
)


def failure(promotion: str, *, created: str = FIRST) -> GateFailure:
    return GateFailure(created, promotion, "digits", "champion", "digits-c", "accuracy fell")


class TestMoved:
    def test_the_present_term_counts(self) -> None:
        assert moved_at(ALIAS, uid="uid-b") == SECOND

    def test_a_former_term_counts(self) -> None:
        assert moved_at(ALIAS, uid="uid-a") == FIRST

    @pytest.mark.parametrize("alias", [ALIAS, None])
    def test_a_promotion_of_the_same_name_made_again_did_not_move_it(self, alias: AliasStatus | None) -> None:
        assert moved_at(alias, uid="uid-of-a-second-to-b") is None


class TestRollback:
    def test_a_version_of_the_history_is_former(self) -> None:
        assert is_former(ALIAS, version="digits-a")

    def test_the_present_version_is_not(self) -> None:
        assert not is_former(ALIAS, version="digits-b")

    def test_nothing_is_former_of_an_alias_that_never_pointed(self) -> None:
        assert not is_former(None, version="digits-a")


class TestSupersede:
    @pytest.mark.parametrize(
        ("newest", "superseded"),
        [
            (Request(FIRST, "l", "digits-x"), False),
            (Request(FIRST, "m", "digits-x"), False),
            (Request(FIRST, "n", "digits-x"), True),
            (Request(SECOND, "a", "digits-x"), True),
        ],
    )
    def test_only_a_newer_one_supersedes_and_names_order_what_was_created_in_the_same_second(
        self, newest: Request, superseded: bool
    ) -> None:
        found = superseded_by(newest, created=FIRST, name="m", version="digits-m")
        assert found == (newest if superseded else None)

    def test_of_two_exactly_one_is_superseded(self) -> None:
        a, b = Request(FIRST, "a", "digits-a"), Request(FIRST, "b", "digits-b")
        losers = [
            one.name
            for one, other in ((a, b), (b, a))
            if superseded_by(other, created=one.created, name=one.name, version=one.version)
        ]
        assert losers == ["a"]

    def test_two_that_ask_for_the_same_version_do_not_supersede_each_other(self) -> None:
        assert superseded_by(Request(SECOND, "c", "digits-a"), created=FIRST, name="a", version="digits-a") is None

    def test_nothing_supersedes_where_there_is_no_other(self) -> None:
        assert superseded_by(None, created=FIRST, name="a", version="digits-a") is None


class TestRefused:
    def test_the_oldest_failure_is_told(self) -> None:
        newer, older = failure("a", created=SECOND), failure("b")
        assert refused_by([newer, older]) == older

    def test_without_a_failure_nothing_refuses(self) -> None:
        assert refused_by([]) is None


@pytest.mark.parametrize(
    ("verdict", "passed", "reason"),
    [
        (Verdict.PASS, True, "GatePassed"),
        (Verdict.FAIL, False, "GateFailed"),
        (Verdict.INCONCLUSIVE, False, "GateInconclusive"),
        (Verdict.NO_DATA, False, "GateInconclusive"),
        (Verdict.ERROR, False, "EvaluationFailed"),
    ],
)
def test_only_a_pass_passes(verdict: Verdict, passed: bool, reason: str) -> None:
    assert by_verdict(verdict) == (passed, reason)
