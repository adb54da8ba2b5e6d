# SPDX-License-Identifier: Apache-2.0
"""Versions are numbered by age, once and for good."""

from mlops_operator.api.model import VersionNumber
from mlops_operator.controllers.model.policies.numbering import number
from mlops_operator.controllers.shared.indexes import version_fact
from tests.unit.controllers.builders import condition
from tests.unit.controllers.model.driver import Registry, version


def test_the_oldest_is_the_first_and_names_decide_among_equals() -> None:
    registry = Registry(version("c", age=5), version("b", age=9), version("a", age=5))
    assert registry.numbers == {"b": 1, "a": 2, "c": 3}
    assert registry.status["latestVersion"] == 3


def test_a_number_is_kept_whatever_comes_later() -> None:
    registry = Registry(version("b", age=5))
    registry.put(version("a", age=100))
    assert registry.numbers == {"b": 1, "a": 2}


def test_a_number_is_never_given_twice() -> None:
    registry = Registry(version("a"))
    registry.cluster.world.remove(version("a"))
    registry.put(version("b"))
    assert registry.numbers["b"] == 2


def test_a_version_made_again_is_another_version() -> None:
    registry = Registry(version("a"))
    registry.put(version("a", uid="another"))
    assert registry.numbers == {"a": 2}


def test_a_version_that_vanishes_for_a_moment_keeps_its_number() -> None:
    registry = Registry(version("a"), version("b"))
    registry.cluster.world.remove(version("a"))
    registry.settle()
    registry.put(version("a"))
    assert registry.numbers == {"a": 1, "b": 2}


def test_numbers_of_deleted_versions_make_room_first() -> None:
    known = [VersionNumber(name="gone", uid="gone", number=1), VersionNumber(name="b", uid="uid-of-b", number=2)]
    result = number(known, 2, [version_fact(version("b")), version_fact(version("c"))], room=2)
    assert {entry.name: entry.number for entry in result.versions} == {"b": 2, "c": 3}
    assert result.unnumbered == 0


def test_versions_beyond_the_room_get_none_and_that_is_told() -> None:
    versions = [version("a", age=3), version("b", age=2), version("c", age=1)]
    result = number([], 0, map(version_fact, versions), room=2)
    assert [entry.name for entry in result.versions] == ["a", "b"]
    assert result.unnumbered == 1


def test_a_model_with_too_many_versions_is_stalled() -> None:
    registry = Registry(*(version(f"v{count:03}", age=count) for count in range(501)))
    assert condition(registry.obj, "Stalled")["reason"] == "TooManyVersions"
    assert len(registry.numbers) == 500
    assert "v000" not in registry.numbers


def test_each_new_version_is_told() -> None:
    registry = Registry(version("a"))
    registry.put(version("b"))
    assert registry.events == ["VersionAdded", "VersionAdded"]
