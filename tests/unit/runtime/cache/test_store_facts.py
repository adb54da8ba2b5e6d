# SPDX-License-Identifier: Apache-2.0
"""What a store knows of its objects without decoding them: keys and facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.cache.index import FactIndex, Index
from mlops_operator.runtime.cache.store import Store
from tests.unit.runtime.cache.test_store import A, job

FACTS = FactIndex(JOBS, "facts", lambda obj: obj["spec"]["models"], lambda obj: (obj["spec"]["age"], _name(obj)))


def _name(obj: Manifest) -> str:
    name: str = obj["metadata"]["name"]
    return name


def aged(name: str, version: int, age: int, *models: str) -> Manifest:
    return job(name, version, spec={"age": age, "models": list(models)})


def with_facts() -> Store:
    store = Store(JOBS)
    store.add_index(FACTS)
    return store


def test_facts_are_in_order_whatever_order_the_objects_came_in() -> None:
    store = with_facts()
    for version, (name, age) in enumerate([("b", 2), ("c", 1), ("a", 2)], start=1):
        store.observe(aged(name, version, age, "m"))
    assert list(store.facts(FACTS, "m")) == [(1, "c"), (2, "a"), (2, "b")]
    assert list(store.facts(FACTS, "other")) == []


def test_a_fact_follows_its_object_and_leaves_with_it() -> None:
    store = with_facts()
    store.observe(aged("a", 1, 1, "m", "n"))
    store.observe(aged("b", 2, 2, "m"))
    store.observe(aged("a", 3, 3, "m"))
    assert list(store.facts(FACTS, "m")) == [(2, "b"), (3, "a")]
    assert list(store.facts(FACTS, "n")) == []
    store.observe_gone(Key("ns", "b"), "uid-b")
    assert list(store.facts(FACTS, "m")) == [(3, "a")]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.sampled_from(["", "m", "n"])), max_size=30))
def test_facts_are_those_of_the_objects_that_are_there(steps: list[tuple[str, int, str]]) -> None:
    store, there = with_facts(), {}
    for version, (name, age, model) in enumerate(steps, start=1):
        if model:
            store.observe(aged(name, version, age, model))
            there[name] = (age, model)
        elif there.pop(name, None):
            store.observe_deleted(job(name, version))
            there.pop(name, None)
    for model in "mn":
        assert list(store.facts(FACTS, model)) == sorted(
            (age, name) for name, (age, at) in there.items() if at == model
        )


def test_keys_and_presence_are_told_without_the_objects() -> None:
    store = Store(JOBS)
    store.add_index(index := Index(JOBS, "all", lambda _: ["x"]))
    store.observe(job("b", 1))
    store.observe(job("a", 2))
    assert store.keys(index, "x") == [Key("ns", "a"), Key("ns", "b")]
    assert A in store
    assert Key("ns", "c") not in store


def test_facts_of_an_index_that_was_not_declared_are_an_error() -> None:
    with pytest.raises(LookupError, match="no index 'facts'"):
        Store(JOBS).facts(FACTS, "m")
