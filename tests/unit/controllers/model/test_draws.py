"""What a Model remembers of its gates."""

from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import MAX_DRAWN_ARTIFACTS, MAX_GATE_DRAWS, MAX_REJECTIONS
from mlops_operator.controllers.model.policies.draws import with_draws, with_rejections
from mlops_operator.controllers.shared.gates import RecordedResult
from mlops_operator.kube.resources import MODEL_VERSIONS
from tests.unit.controllers.model.driver import Registry, promotion, version
from tests.unit.controllers.versions import digest_of

SINCE = "2026-01-01T00:00:00Z"


def result(
    number: int, *, data: str = "rows", verdict: str = "Fail", gate: str = "g", artifact: str = ""
) -> RecordedResult:
    return RecordedResult(
        time=f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        version=f"v{number}",
        gate=gate,
        alias="champion",
        data=digest_of(data),
        digest=digest_of(artifact or f"v{number}"),
        verdict=verdict,
        message="",
        evaluation_uid=f"e{number}",
        promotion=f"p{number}",
        promotion_uid=f"uid-of-p{number}",
    )


class TestDraws:
    def test_each_artifact_counts_once_for_each_set_of_rows(self) -> None:
        results = [result(1), result(2, artifact="v1"), result(3), result(4, data="others")]
        assert [(entry.data, entry.count) for entry in with_draws((), results)] == [
            (digest_of("rows"), 2),
            (digest_of("others"), 1),
        ]

    def test_the_same_report_changes_nothing_and_a_report_that_is_gone_lowers_nothing(self) -> None:
        results = [result(number) for number in range(3)]
        draws = with_draws((), results)
        assert with_draws(draws, results) == draws
        assert with_draws(draws, []) == draws

    def test_a_result_that_is_reported_late_makes_the_last_draw_no_older(self) -> None:
        (draws,) = with_draws(with_draws((), [result(9)]), [result(1)])
        assert (draws.count, draws.last) == (2, result(9).time)

    def test_a_result_without_a_digest_of_rows_is_no_draw(self) -> None:
        assert with_draws((), [result(1)._replace(data=None)]) == ()

    def test_the_count_stays_at_the_artifacts_that_can_be_told_apart(self) -> None:
        results = [result(number) for number in range(MAX_DRAWN_ARTIFACTS + 1)]
        draws = with_draws((), results)
        assert [entry.count for entry in draws] == [MAX_DRAWN_ARTIFACTS]
        assert with_draws(draws, results) == draws

    def test_the_rows_that_were_drawn_least_recently_are_forgotten_and_stay_so(self) -> None:
        results = [result(number, data=f"rows {number}") for number in range(MAX_GATE_DRAWS + 1)]
        draws = with_draws((), results)
        assert [entry.data for entry in draws] == [digest_of(f"rows {n}") for n in range(1, MAX_GATE_DRAWS + 1)]
        assert with_draws(draws, results) == draws


class TestRejections:
    def test_of_a_gate_and_an_artifact_the_first_failure_stays(self) -> None:
        results = [result(2, artifact="a"), result(1, artifact="a"), result(3, artifact="a", gate="h"), result(4)]
        found = [(entry.gate, entry.promotion) for entry in with_rejections((), results)]
        assert found == [("g", "p1"), ("h", "p3"), ("g", "p4")]

    def test_only_failures_reject(self) -> None:
        assert with_rejections((), [result(1, verdict="Pass"), result(2, verdict="Inconclusive")]) == ()

    def test_the_latest_stay_and_a_repeated_report_changes_nothing(self) -> None:
        results = [result(number) for number in range(MAX_REJECTIONS + 1)]
        rejections = with_rejections((), results)
        assert [entry.promotion for entry in rejections] == [f"p{n}" for n in range(1, MAX_REJECTIONS + 1)]
        assert with_rejections(rejections, results) == rejections
        assert with_rejections(rejections, []) == rejections


def measured(name: str, by: str, verdict: str) -> Manifest:
    """A version with the result of the Promotion `by`."""
    obj = version(name)
    obj["status"]["gates"] = [
        {
            "gate": "g",
            "alias": "champion",
            "data": digest_of("rows"),
            "digest": digest_of(name),
            "verdict": verdict,
            "evaluation": "e",
            "evaluationUid": f"uid-of-e-of-{by}",
            "promotion": by,
            "promotionUid": f"uid-of-{by}",
            "time": SINCE,
        }
    ]
    return obj


def test_a_failure_is_remembered_when_its_promotion_is_decided_and_outlives_the_version() -> None:
    registry = Registry(measured("v1", "p1", "Fail"), promotion("p1", "v1", passed=False, phase="Evaluating"))
    assert not registry.status.keys() & {"rejections", "gateDraws"}
    registry.finish("p1", "Rejected")
    remembered = {name: registry.status[name] for name in ("rejections", "gateDraws")}
    assert [entry["digest"] for entry in remembered["rejections"]] == [digest_of("v1")]
    registry.cluster.world.remove(registry.cluster.get(MODEL_VERSIONS, "v1"))
    registry.settle()
    assert {name: registry.status[name] for name in remembered} == remembered


def test_a_pass_is_counted_with_the_move_that_follows_from_it() -> None:
    registry = Registry(measured("v1", "p1", "Pass"), promotion("p1", "v1"))
    assert registry.points_at() == "v1"
    assert [entry["count"] for entry in registry.status["gateDraws"]] == [1]
    assert registry.cluster.writes == ["status Model digits"]


def test_a_result_whose_promotion_was_deleted_counts() -> None:
    registry = Registry(measured("v1", "p1", "Fail"))
    assert [entry["promotion"] for entry in registry.status["rejections"]] == ["p1"]
