"""An alias with `bootstrap` that points at nothing is offered each Ready version once, in order."""

from typing import Any

from mlops_operator.kube.resources import MODELS, PROMOTIONS
from tests.unit.controllers.builders import condition
from tests.unit.controllers.model.driver import NAME, Registry, promotion, version

BOOTSTRAP: dict[str, Any] = {"aliases": [{"name": "champion", "bootstrap": True}]}


def offered(registry: Registry) -> list[str]:
    return [entry["spec"]["version"] for entry in registry.cluster.world.all(PROMOTIONS)]


def test_the_first_ready_version_is_offered() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    obj = registry.cluster.only(PROMOTIONS)
    assert obj["spec"]["version"] == "v1"
    assert obj["spec"]["alias"] == "champion"
    assert obj["spec"]["model"] == NAME
    assert obj["metadata"]["ownerReferences"][0]["uid"] == f"uid-of-{NAME}"


def test_the_lowest_number_is_offered_first() -> None:
    registry = Registry(version("young", age=1), version("old", age=2), **BOOTSTRAP)
    assert offered(registry) == ["old"]


def test_nothing_is_offered_without_bootstrap() -> None:
    assert offered(Registry(version("v1"))) == []


def test_a_version_that_is_not_ready_is_not_offered() -> None:
    registry = Registry(version("v1", ready=False), **BOOTSTRAP)
    assert offered(registry) == []
    registry.put(version("v1"))
    assert offered(registry) == ["v1"]


def test_a_rejected_version_is_not_offered() -> None:
    assert offered(Registry(version("v1", rejected=True), version("v2", age=-1), **BOOTSTRAP)) == ["v2"]


def test_an_alias_that_points_at_something_is_offered_nothing() -> None:
    registry = Registry(version("v1"), version("v2"), promotion("p1", "v1"), **BOOTSTRAP)
    registry.finish("p1", "Promoted")
    assert offered(registry) == ["v1"]


def test_a_persons_promotion_goes_first() -> None:
    registry = Registry(version("v1"), promotion("mine", "v1", passed=False, phase="Evaluating"), **BOOTSTRAP)
    assert offered(registry) == ["v1"]
    assert registry.cluster.only(PROMOTIONS)["metadata"]["name"] == "mine"


def test_a_version_that_was_refused_is_not_offered_again_and_the_next_is() -> None:
    registry = Registry(version("v1", age=2), version("v2", age=1), **BOOTSTRAP)
    registry.finish(registry.cluster.only(PROMOTIONS)["metadata"]["name"], "Rejected")
    assert sorted(offered(registry)) == ["v1", "v2"]


def test_when_none_is_left_nothing_happens() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    plan = registry.finish(registry.cluster.only(PROMOTIONS)["metadata"]["name"], "Rejected")
    assert plan.actions == ()
    assert condition(registry.obj, "Ready")["reason"] == "AliasUnset"


def test_a_version_made_again_is_offered_again() -> None:
    registry = Registry(version("v1"), **BOOTSTRAP)
    registry.finish(registry.cluster.only(PROMOTIONS)["metadata"]["name"], "Rejected")
    registry.put(version("v1", uid="another"))
    assert offered(registry) == ["v1", "v1"]


def test_each_alias_gets_its_own_offer() -> None:
    aliases = [{"name": name, "bootstrap": True} for name in ("a" * 63, "b" * 63)]
    registry = Registry(version("v1"), aliases=aliases)
    names = [entry["metadata"]["name"] for entry in registry.cluster.world.all(PROMOTIONS)]
    assert len(names) == 2
    assert all(len(name) <= 253 and name.startswith(NAME) for name in names)


def test_a_refused_offer_does_not_keep_facts_from_being_written() -> None:
    registry = Registry(**BOOTSTRAP)
    registry.cluster.refuse["Promotion"] = (403, "Forbidden", "no")
    plan = registry.put(version("v1"))
    assert registry.numbers == {"v1": 1}
    assert condition(registry.obj, "Ready")["reason"] == "Forbidden"
    assert plan.requeue_after == 60
    registry.put(version("v2", age=-1))
    assert registry.numbers == {"v1": 1, "v2": 2}
    registry.cluster.refuse.clear()
    registry.settle()
    assert offered(registry) == ["v1"]


def test_an_offer_that_the_api_refuses_is_repeated_only_for_a_changed_spec() -> None:
    registry = Registry(**BOOTSTRAP)
    registry.cluster.refuse["Promotion"] = (422, "Invalid", "spec: no")
    registry.put(version("v1"))
    assert condition(registry.obj, "Stalled")["reason"] == "Refused"
    registry.cluster.refuse.clear()
    assert registry.settle().actions == ()
    assert offered(registry) == []
    assert condition(registry.obj, "Stalled")["reason"] == "Refused"
    registry.cluster.edit(MODELS, NAME, description="changed")
    registry.settle()
    assert offered(registry) == ["v1"]
    assert condition(registry.obj, "Stalled")["status"] == "False"
