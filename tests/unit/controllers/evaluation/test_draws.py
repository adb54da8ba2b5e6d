# SPDX-License-Identifier: Apache-2.0
"""How often gates drew on the rows of an Evaluation: by the Model's record, whoever judges first."""

import copy

import pytest

from mlops_operator.api.common import DataRead
from mlops_operator.api.evaluation import RecentRows
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import MAX_DRAWN_ARTIFACTS, MAX_GATE_DRAWS, GateDraws
from mlops_operator.controllers.evaluation.policies.draws import RowsDrawn, gates_before, rows_drawn, with_draw
from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODELS, PROMOTIONS
from mlops_operator.runtime.work.plan import Patch, Plan
from tests.unit.controllers.builders import ToyCluster, ToyWorld, make
from tests.unit.controllers.evaluation.test_plan import CONTROLLER, NAME, evaluation, report, status
from tests.unit.controllers.versions import digest_of, model_version

TIME = "2026-01-01T12:00:00Z"
ROWS = RowsDrawn(digest_of("rows"))
OTHER = RowsDrawn(digest_of("other"))
LOG = "pvc://logs/digits"
START = "2026-01-01T11:00:00Z"


def drawn(*artifacts: str, rows: RowsDrawn = ROWS) -> tuple[GateDraws, ...]:
    draws: tuple[GateDraws, ...] = ()
    for artifact in artifacts:
        draws = with_draw(draws, [rows], digest_of(artifact), time=TIME)
    return draws


def test_other_artifacts_on_the_same_rows_count_and_each_counts_once() -> None:
    draws = drawn("a", "b", "a")
    assert [entry.count for entry in draws] == [2]
    assert gates_before(draws, [ROWS], digest_of("c")) == 2
    assert gates_before(draws, [ROWS], digest_of("b")) == 1
    assert gates_before(draws, [OTHER], digest_of("c")) == 0
    assert gates_before((), [ROWS], digest_of("c")) == 0


def test_one_input_in_common_is_enough() -> None:
    assert gates_before(drawn("a", "b"), [OTHER, ROWS], digest_of("c")) == 2


@pytest.mark.parametrize(
    ("newest", "log", "count"),
    [
        ("2026-01-01T10:59:59Z", LOG, 0),
        ("2026-01-01T11:00:00Z", LOG, 1),
        ("2026-01-01T11:00:01Z", LOG, 1),
        ("2026-01-01T11:00:01Z", "pvc://logs/others", 0),
        (None, LOG, 0),
    ],
)
def test_recent_rows_are_shared_where_a_former_window_reaches_into_this_one(
    newest: str | None, log: str, count: int
) -> None:
    draws = drawn("a", rows=RowsDrawn(digest_of("then"), log, START, newest))
    now = RowsDrawn(digest_of("now"), LOG, START, TIME)
    assert gates_before(draws, [now], digest_of("b")) == count


def test_frozen_rows_share_none_with_recent_ones() -> None:
    recent = RowsDrawn(digest_of("then"), LOG, START, TIME)
    assert gates_before(drawn("a", rows=recent), [ROWS], digest_of("b")) == 0
    assert gates_before(drawn("a"), [recent], digest_of("b")) == 0


def test_recent_rows_are_entered_with_their_log_and_times_and_other_inputs_by_digest_alone() -> None:
    data = [DataRead(name=name, digest=digest_of(name)) for name in ("holdout", "recent")]
    found = RecentRows(start=START, end=TIME, newest=TIME)
    plain = tuple(RowsDrawn(entry.digest) for entry in data)
    assert rows_drawn(data, found, LOG) == (plain[0], RowsDrawn(digest_of("recent"), LOG, START, TIME))
    assert rows_drawn(data, None, None) == plain  # an input of a user may have this name


def test_an_artifact_is_remembered_by_twelve_digits() -> None:
    (entry,) = drawn("a")
    assert entry.artifacts == (digest_of("a").removeprefix("sha256:")[:12],)


def test_the_count_stays_at_the_artifacts_that_can_be_told_apart() -> None:
    full = drawn(*(str(number) for number in range(MAX_DRAWN_ARTIFACTS)))
    assert with_draw(full, [ROWS], digest_of("one more"), time=TIME) == full


def test_a_draw_that_is_reported_late_makes_the_last_one_no_older() -> None:
    (entry,) = with_draw(drawn("a"), [ROWS], digest_of("b"), time="2026-01-01T11:59:59Z")
    assert (entry.count, entry.last) == (2, TIME)


def test_the_input_that_was_drawn_least_recently_is_forgotten() -> None:
    draws: tuple[GateDraws, ...] = ()
    for number in range(MAX_GATE_DRAWS + 1):
        rows = RowsDrawn(digest_of(f"rows {number}"))
        draws = with_draw(draws, [rows], digest_of("a"), time=f"2026-01-01T00:00:{number:02}Z")
    assert [entry.data for entry in draws] == [digest_of(f"rows {n}") for n in range(1, MAX_GATE_DRAWS + 1)]


# -- two gates at once -----------------------------------------------------------------------------


def gate(candidate: str, *, promotion_of: str = "") -> ToyCluster:
    """An Evaluation of a Promotion whose Job has ended, not judged yet."""
    obj = evaluation(candidate=candidate)
    owner = {"kind": "Promotion", "name": "p", "uid": "uid-of-p", "controller": True}
    obj["metadata"]["ownerReferences"] = [owner]
    promotion = make(PROMOTIONS, "p", spec={"model": "digits", "alias": "c", "version": promotion_of or candidate})
    versions = [model_version(name) for name in ("digits-a", "digits-b", "digits-c")]
    toy = ToyCluster(ToyWorld(obj, promotion, make(MODELS, "digits", spec={}), *versions))
    toy.settle(CONTROLLER, NAME)
    report(toy, toy.only(JOBS))
    return toy


def plan_of(toy: ToyCluster) -> Plan:
    obj, job = toy.get(EVALUATIONS, NAME), toy.only(JOBS)
    reads = dict.fromkeys(CONTROLLER.reads(obj, toy.world, toy.now), toy.pods[job["metadata"]["name"]])
    return CONTROLLER.plan(obj, toy.world, reads, toy.now)


def model_of(toy: ToyCluster) -> Manifest:
    return copy.deepcopy(toy.get(MODELS, "digits"))


@pytest.mark.parametrize("order", [("digits-b", "digits-c"), ("digits-c", "digits-b")])
def test_of_two_gates_judged_at_once_one_is_the_second_in_either_order(order: tuple[str, str]) -> None:
    first, second = (gate(candidate) for candidate in order)
    (outdated,) = plan_of(second).actions  # planned before the first one wrote
    first.settle(CONTROLLER, NAME)
    counted = model_of(first)
    assert isinstance(outdated, Patch)
    assert outdated.resource_version != counted["metadata"]["resourceVersion"], "the API server refuses it: a conflict"
    second.world.put(counted)
    second.settle(CONTROLLER, NAME)
    assert [status(toy)["gatesBefore"] for toy in (first, second)] == [0, 1]
    assert [entry["count"] for entry in model_of(second)["status"]["gateDraws"]] == [2]


def test_a_gate_that_counted_and_was_interrupted_counts_once() -> None:
    toy = gate("digits-b")
    (action,) = plan_of(toy).actions
    toy._act(action)
    plan = plan_of(toy)
    assert (plan.actions, (plan.status or {})["gatesBefore"]) == ((), 0)


def test_an_evaluation_that_only_names_a_promotion_counts_nothing() -> None:
    toy = gate("digits-b", promotion_of="digits-c")
    assert plan_of(toy).actions == ()
