"""The single questions a Promotion is decided by."""

import pytest

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import AliasStatus, AliasTerm
from mlops_operator.controllers.promotion.policies.moved import moved_at
from mlops_operator.controllers.promotion.policies.refused import refused_by
from mlops_operator.controllers.promotion.policies.rollback import is_former
from mlops_operator.controllers.promotion.policies.supersede import Sibling, superseded_by
from mlops_operator.controllers.promotion.policies.verdict import by_verdict

FIRST, SECOND = "2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z"
ALIAS = AliasStatus(
    name="champion",
    version="digits-b",
    promotion="to-b",
    promotion_uid="uid-b",
    since=SECOND,
    history=(AliasTerm(version="digits-a", promotion="to-a", promotion_uid="uid-a", since=FIRST),),
)


def sibling(name: str, **fields: object) -> Sibling:
    defaults = {"created": FIRST, "version": "digits-x", "phase": "Evaluating", "reason": "Evaluating", "digest": "d-x"}
    return Sibling(**{"name": name, **defaults, **fields})  # type: ignore[arg-type]


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
    def test_the_newest_of_the_newer_counts(self) -> None:
        others = [sibling("b", created=SECOND), sibling("c", created=SECOND), sibling("a", created=FIRST)]
        newer = superseded_by(others, created=FIRST, name="m", version="digits-m")
        assert newer is not None
        assert newer.name == "c"

    def test_names_order_what_was_created_in_the_same_second(self) -> None:
        assert superseded_by([sibling("a")], created=FIRST, name="b", version="digits-b") is None
        assert superseded_by([sibling("b")], created=FIRST, name="a", version="digits-a") is not None

    def test_of_two_exactly_one_is_superseded(self) -> None:
        a, b = sibling("a", version="digits-a"), sibling("b", version="digits-b")
        losers = [
            one.name
            for one, other in ((a, b), (b, a))
            if superseded_by([other], created=one.created, name=one.name, version=one.version)
        ]
        assert losers == ["a"]

    @pytest.mark.parametrize("phase", ["Pending", "Promoted", "Rejected", "Superseded"])
    def test_what_became_of_the_newer_does_not_matter(self, phase: str) -> None:
        newer = sibling("b", created=SECOND, phase=phase)
        assert superseded_by([newer], created=FIRST, name="a", version="digits-a") == newer

    def test_two_that_ask_for_the_same_version_do_not_supersede_each_other(self) -> None:
        other, same = sibling("b", created=SECOND), sibling("c", created=SECOND, version="digits-a")
        assert superseded_by([other, same], created=FIRST, name="a", version="digits-a") is None


class TestRefused:
    def test_a_version_that_failed_the_gate_stays_refused(self) -> None:
        former = sibling("former", version="digits-c", phase="Rejected", reason="GateFailed")
        assert refused_by([former], version="digits-c", digest="d-c") == former

    def test_the_same_artifact_under_another_name_is_refused_too(self) -> None:
        former = sibling("former", version="digits-c", digest="d", phase="Rejected", reason="GateFailed")
        assert refused_by([former], version="digits-d", digest="d") == former

    @pytest.mark.parametrize("reason", ["GateInconclusive", "EvaluationFailed", "BaselineMissing"])
    def test_other_rejections_do_not_count(self, reason: str) -> None:
        former = sibling("former", version="digits-c", phase="Rejected", reason=reason)
        assert refused_by([former], version="digits-c", digest=None) is None

    def test_two_unknown_digests_are_not_the_same(self) -> None:
        former = sibling("former", digest=None, phase="Rejected", reason="GateFailed")
        assert refused_by([former], version="digits-d", digest=None) is None


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
