# SPDX-License-Identifier: Apache-2.0
"""One cache for all controllers: they must agree about what is in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import EVALUATIONS, JOBS, SERVICES, TRAINING_JOBS, Resource
from mlops_operator.runtime.cache.cache import Cache, parse_selector
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World, owner_keys
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection


class Fake:
    rules: Sequence[Rule] = ()

    def __init__(self, resource: Resource, *watches: Watch, indexes: Sequence[Index] = ()) -> None:
        self.resource = resource
        self.watches: Sequence[Watch] = watches
        self.indexes = indexes

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        return ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        return Plan()

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        return Plan()


def jobs_of(owner: Resource, selector: str | None = "a") -> Watch:
    return Watch(resource=JOBS, keys=owner_keys(owner), label_selector=selector)


def test_controllers_share_one_store() -> None:
    cache = Cache([Fake(TRAINING_JOBS, jobs_of(TRAINING_JOBS)), Fake(EVALUATIONS, jobs_of(EVALUATIONS))])
    assert set(cache.stores) == {TRAINING_JOBS, EVALUATIONS, JOBS}
    assert cache.selectors == {JOBS: "a"}


def test_differing_selectors_are_refused() -> None:
    with pytest.raises(ValueError, match="must agree"):
        Cache([Fake(TRAINING_JOBS, jobs_of(TRAINING_JOBS)), Fake(EVALUATIONS, jobs_of(EVALUATIONS, "b"))])


def test_two_controllers_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="two controllers"):
        Cache([Fake(TRAINING_JOBS), Fake(TRAINING_JOBS)])


def test_a_kind_with_a_controller_is_cached_whole() -> None:
    watch = Watch(resource=TRAINING_JOBS, keys=lambda obj, world: (), trim=lambda obj: obj)
    with pytest.raises(ValueError, match="cached whole"):
        Cache([Fake(TRAINING_JOBS), Fake(EVALUATIONS, watch)])


def test_what_nobody_watches_cannot_be_asked_for() -> None:
    with pytest.raises(LookupError, match="watches"):
        Cache([Fake(TRAINING_JOBS)]).get(SERVICES, Key("ns", "a"))


def test_an_answer_about_what_nobody_watches_is_passed_over() -> None:
    Cache([Fake(TRAINING_JOBS)]).observe(SERVICES, {"metadata": {"name": "a", "resourceVersion": "1", "uid": "u"}})


def test_owner_keys_follow_the_controlling_reference_only() -> None:
    def reference(kind: str, *, controller: bool, group: str = "mlops-operator.io/v1") -> Manifest:
        return {"apiVersion": group, "kind": kind, "name": "x", "controller": controller}

    def keys(*references: Manifest) -> list[Key]:
        child = {"metadata": {"namespace": "ns", "ownerReferences": list(references)}}
        return list(owner_keys(TRAINING_JOBS)(child, Cache([])))

    assert keys(reference("TrainingJob", controller=True)) == [Key("ns", "x")]
    assert keys(reference("TrainingJob", controller=False)) == []
    assert keys(reference("Evaluation", controller=True)) == []
    assert keys(reference("TrainingJob", controller=True, group="other.io/v1")) == []


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ("a", {"a": ""}, True),
        ("a", {"b": ""}, False),
        ("a=1", {"a": "1"}, True),
        ("a=1", {"a": "2"}, False),
        ("a=1,b", {"a": "1", "b": "x"}, True),
        ("a=1,b", {"a": "1"}, False),
    ],
)
def test_selectors_say_what_the_server_would(selector: str, labels: dict[str, str], expected: bool) -> None:
    assert parse_selector(selector)(labels) is expected


@pytest.mark.parametrize("selector", ["", "a!=1", "a in (1,2)", "!a", "a==1"])
def test_other_selectors_are_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="label selector"):
        parse_selector(selector)
