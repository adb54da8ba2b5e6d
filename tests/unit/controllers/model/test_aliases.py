# SPDX-License-Identifier: Apache-2.0
"""Only a Promotion that passed the gate moves an alias, and only from where it was measured against."""

import pytest

from mlops_operator.kube.resources import MODELS
from tests.unit.controllers.builders import condition
from tests.unit.controllers.model.driver import NAME, Registry, promotion, version
from tests.unit.controllers.versions import digest_of


def test_an_empty_alias_is_set_by_a_passed_promotion() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    assert registry.alias() == {
        "name": "champion",
        "version": "v1",
        "versionUid": "uid-of-v1",
        "digest": digest_of("v1"),
        "promotion": "p1",
        "promotionUid": "uid-of-p1",
        "since": "2026-01-01T12:00:00Z",
        "modelUid": "uid-of-digits",
    }
    assert "AliasMoved" in registry.events


@pytest.mark.parametrize("phase", ["Promoted", "Rejected", "Superseded"])
def test_a_decided_promotion_moves_nothing(phase: str) -> None:
    assert Registry(version("v1"), promotion("p1", "v1", phase=phase)).points_at() is None


def test_a_promotion_without_a_passed_gate_moves_nothing() -> None:
    assert Registry(version("v1"), promotion("p1", "v1", passed=False)).points_at() is None


def test_a_version_that_is_not_ready_any_more_when_the_alias_would_move_is_not_promoted() -> None:
    registry = Registry(version("v1", ready=False), promotion("p1", "v1"))
    assert registry.points_at() is None
    registry.put(version("v1", ready=True))
    assert registry.points_at() == "v1"


def test_a_version_that_another_gate_rejected_may_be_promoted_by_one_that_it_passed() -> None:
    assert Registry(version("v1", rejected=True), promotion("p1", "v1")).points_at() == "v1"


def test_another_models_promotion_moves_nothing() -> None:
    assert Registry(version("v1"), promotion("p1", "v1", model="other")).points_at() is None


def test_a_promotion_measured_against_a_former_version_moves_nothing() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    registry.put(version("v2"), promotion("p2", "v2", origin="v0"))
    assert registry.points_at() == "v1"


def test_a_promotion_measured_against_nothing_does_not_replace_a_version() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    registry.put(version("v2"), promotion("p2", "v2", origin=None))
    assert registry.points_at() == "v1"


def test_a_move_keeps_the_former_term() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    registry.finish("p1", "Promoted")
    registry.put(version("v2"), promotion("p2", "v2", origin="v1"))
    assert registry.points_at() == "v2"
    alias = registry.alias()
    assert alias is not None
    (former,) = alias["history"]
    assert (former["version"], former["promotion"], former["promotionUid"]) == ("v1", "p1", "uid-of-p1")


def test_history_is_bounded() -> None:
    registry = Registry(*(version(f"v{count}") for count in range(30)))
    origin = None
    for count in range(30):
        registry.put(promotion(f"p{count}", f"v{count}", origin=origin))
        registry.finish(f"p{count}", "Promoted")
        origin = f"v{count}"
    alias = registry.alias()
    assert alias is not None
    assert [term["version"] for term in alias["history"]] == [f"v{count}" for count in range(28, 8, -1)]


def test_the_newest_of_several_wins_and_one_moves_at_a_time() -> None:
    registry = Registry(
        version("v1"), version("v2"), promotion("old", "v1", created=-60), promotion("new", "v2", created=-5)
    )
    assert registry.points_at() == "v2"
    assert "history" not in (registry.alias() or {})


def test_a_promotion_is_carried_out_once_however_late_its_status() -> None:
    registry = Registry(version("v1"), version("v2"), promotion("p1", "v1"))
    registry.finish("p1", "Promoted")
    registry.put(promotion("p2", "v2", origin="v1"))
    registry.put(promotion("p3", "v1", origin="v2"))
    assert registry.points_at() == "v1"
    # p2 still looks as if it might move the alias from v1 to v2.
    registry.settle()
    assert registry.points_at() == "v1"


def test_a_rollback_is_a_move_like_any_other() -> None:
    registry = Registry(version("v1"), version("v2"), promotion("p1", "v1"))
    registry.put(promotion("p2", "v2", origin="v1"))
    registry.put(promotion("back", "v1", origin="v2"))
    assert registry.points_at() == "v1"
    alias = registry.alias()
    assert alias is not None
    assert [term["version"] for term in alias["history"]] == ["v2", "v1"]


def test_aliases_do_not_mind_each_other() -> None:
    registry = Registry(
        version("v1"),
        promotion("p1", "v1", alias="staging"),
        aliases=[{"name": "champion"}, {"name": "staging"}],
    )
    assert (registry.points_at("staging"), registry.points_at()) == ("v1", None)


def test_an_alias_removed_from_the_spec_is_forgotten() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    registry.cluster.edit(MODELS, NAME, aliases=[])
    registry.settle()
    assert "aliases" not in registry.status
    assert registry.events[-1] == "AliasRemoved"


def test_an_alias_of_a_deleted_version_stays_and_says_so() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    registry.cluster.world.remove(version("v1"))
    registry.settle()
    assert registry.points_at() == "v1"
    assert condition(registry.obj, "Ready")["reason"] == "AliasTargetMissing"
    assert condition(registry.obj, "Reconciling")["status"] == "True"


def test_an_unset_alias_is_no_fault() -> None:
    registry = Registry()
    ready = condition(registry.obj, "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "AliasUnset")
    assert registry.status["phase"] == "Ready"


def test_an_unchanged_world_costs_nothing() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    writes = len(registry.cluster.writes)
    registry.settle()
    assert len(registry.cluster.writes) == writes


def test_an_unreadable_spec_leaves_the_aliases() -> None:
    registry = Registry(version("v1"), promotion("p1", "v1"))
    registry.cluster.edit(MODELS, NAME, nonsense=True)
    registry.settle()
    assert condition(registry.obj, "Stalled")["reason"] == "InvalidSpec"
    assert registry.points_at() == "v1"
