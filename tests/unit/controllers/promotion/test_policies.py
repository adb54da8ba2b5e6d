# SPDX-License-Identifier: Apache-2.0
"""The single questions a Promotion is decided by."""

import pytest

from mlops_operator.api.common import VersionRef
from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import AliasStatus, AliasTerm, Gate, Rejection
from mlops_operator.controllers.promotion.indexes import Request
from mlops_operator.controllers.promotion.policies.history import is_former, moved_at, superseded_by
from mlops_operator.controllers.promotion.policies.refused import refused_by
from mlops_operator.controllers.promotion.policies.verdict import by_verdict, is_recorded
from mlops_operator.controllers.shared.gates import RecordedResult, newest_recent_row
from tests.unit.controllers.versions import digest_of

FIRST, SECOND = "2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z"
ALIAS = AliasStatus(
    name="champion",
    version="digits-b",
    version_uid="uid-of-digits-b",
    digest=digest_of("b"),
    promotion="to-b",
    promotion_uid="uid-b",
    since=SECOND,
    history=(
        AliasTerm(
            version="digits-a",
            version_uid="uid-of-digits-a",
            digest=digest_of("a"),
            promotion="to-a",
            promotion_uid="uid-a",
            since=FIRST,
        ),
    ),
)


def ref(name: str, *, uid: str | None = None, digest: str | None = None) -> VersionRef:
    return VersionRef(name=f"digits-{name}", uid=uid or f"uid-of-digits-{name}", digest=digest or digest_of(name))


def result(promotion: str, *, verdict: str = "Fail", gate: str = "gate", time: str = FIRST) -> RecordedResult:
    evaluation = f"evaluation-of-{promotion}"
    uid = f"uid-of-{promotion}"
    return RecordedResult(
        time, "digits-c", gate, "champion", digest_of("c"), verdict, "0.5 < 0.9", evaluation, promotion, uid
    )


def remembered(promotion: str, *, gate: str = "gate") -> Rejection:
    return Rejection(
        gate=gate,
        digest=digest_of("c"),
        version="digits-c",
        alias="champion",
        promotion=promotion,
        promotion_uid=f"uid-of-{promotion}",
        time=FIRST,
    )


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
        assert is_former(ALIAS, ref("a"))

    def test_the_present_version_is_not(self) -> None:
        assert not is_former(ALIAS, ref("b"))

    @pytest.mark.parametrize("other", [{"uid": "second"}, {"digest": digest_of("worse")}])
    def test_an_object_created_again_under_a_former_name_is_not(self, other: dict[str, str]) -> None:
        assert not is_former(ALIAS, ref("a", **other))

    def test_nothing_is_former_of_an_alias_that_never_pointed(self) -> None:
        assert not is_former(None, ref("a"))


class TestSupersede:
    @pytest.mark.parametrize(
        ("newest", "superseded"),
        [
            (Request(FIRST, True, "l", "digits-x"), False),
            (Request(FIRST, True, "m", "digits-x"), False),
            (Request(FIRST, True, "n", "digits-x"), True),
            (Request(FIRST, False, "n", "digits-x"), False),
            (Request(SECOND, True, "a", "digits-x"), True),
            (Request(SECOND, False, "a", "digits-x"), True),
        ],
    )
    def test_only_a_newer_one_supersedes_and_names_order_what_users_created_in_the_same_second(
        self, newest: Request, superseded: bool
    ) -> None:
        found = superseded_by(newest, Request(FIRST, True, "m", "digits-m"))
        assert found == (newest if superseded else None)

    def test_a_users_supersedes_an_automatic_one_of_the_same_second(self) -> None:
        users = Request(FIRST, True, "a", "digits-x")
        assert superseded_by(users, Request(FIRST, False, "m", "digits-m")) == users

    def test_of_two_exactly_one_is_superseded(self) -> None:
        a, b = Request(FIRST, True, "a", "digits-a"), Request(FIRST, True, "b", "digits-b")
        losers = [one.name for one, other in ((a, b), (b, a)) if superseded_by(other, one)]
        assert losers == ["a"]

    def test_two_that_ask_for_the_same_version_do_not_supersede_each_other(self) -> None:
        assert superseded_by(Request(SECOND, True, "c", "digits-a"), Request(FIRST, True, "a", "digits-a")) is None

    def test_nothing_supersedes_where_there_is_no_other(self) -> None:
        assert superseded_by(None, Request(FIRST, True, "a", "digits-a")) is None


def refusal(*results: RecordedResult, rejections: tuple[Rejection, ...] = ()) -> str | None:
    """The answer for the Promotion `mine`."""
    return refused_by("gate", results, rejections, promotion_uid="uid-of-mine", evaluation_uid="evaluation-of-mine")


class TestRefused:
    def test_the_oldest_failure_is_named(self) -> None:
        assert refusal(result("a", time=SECOND), result("b")) == "b"

    def test_without_a_failure_nothing_refuses(self) -> None:
        assert refusal() is None
        assert refusal(result("a", verdict="Pass"), result("b", verdict="Inconclusive")) is None

    def test_a_failure_of_another_gate_does_not_refuse(self) -> None:
        assert refusal(result("a", gate="other"), rejections=(remembered("a", gate="other"),)) is None

    def test_its_own_failure_is_a_result_and_no_refusal(self) -> None:
        assert refusal(result("mine"), rejections=(remembered("mine"),)) is None

    def test_what_the_model_remembers_refuses_though_no_version_has_a_record(self) -> None:
        assert refusal(rejections=(remembered("a"),)) == "a"


class TestRecorded:
    @pytest.mark.parametrize(
        ("verdict", "final"),
        [
            (Verdict.PASS, False),
            (Verdict.FAIL, False),
            (Verdict.INCONCLUSIVE, False),
            (Verdict.NO_DATA, True),
            (Verdict.ERROR, True),
        ],
    )
    def test_a_verdict_that_rests_on_figures_is_final_only_once_it_is_recorded(
        self, verdict: Verdict, final: bool
    ) -> None:
        assert is_recorded(verdict, [], evaluation_uid="evaluation-of-a") is final
        assert is_recorded(verdict, [result("b")], evaluation_uid="evaluation-of-a") is final
        assert is_recorded(verdict, [result("a")], evaluation_uid="evaluation-of-a")


class TestRecentRows:
    GATE = Gate.model_validate({"recent": {"uri": "pvc://store/log"}, "metrics": [{"min": 0.9}]})
    FROZEN = Gate.model_validate({"data": [{"name": "d", "uri": "pvc://store/d"}], "metrics": [{"min": 0.9}]})

    def newest(self, *results: RecordedResult, gate: Gate | None = None) -> str | None:
        return newest_recent_row(gate or self.GATE, "gate", results, promotion_uid="mine")

    def test_the_newest_row_of_all_former_measurements_counts(self) -> None:
        former = [result("a")._replace(gate="gate", newest_row=row) for row in (FIRST, SECOND, None)]
        assert self.newest(*former) == SECOND

    def test_its_own_measurement_is_not_a_former_one(self) -> None:
        own = result("a")._replace(gate="gate", newest_row=FIRST, promotion_uid="mine")
        assert self.newest(own) is None

    def test_results_of_another_gate_do_not_count(self) -> None:
        assert self.newest(result("a")._replace(gate="other", newest_row=FIRST)) is None

    def test_a_gate_on_frozen_rows_has_no_newest_row(self) -> None:
        former = result("a")._replace(gate="gate", newest_row=FIRST)
        assert self.newest(former, gate=self.FROZEN) is None

    def test_a_measurement_without_enough_new_rows_rejects_the_version(self) -> None:
        assert by_verdict(Verdict.NO_DATA, "TooFewNewRows") == (False, "VersionRejected")


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
