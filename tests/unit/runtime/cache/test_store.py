# SPDX-License-Identifier: Apache-2.0
"""A store ends at the truth in whatever order the news arrives."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.store import TOMBSTONE_LIFETIME, Store

OWNER = "owner-uid"


def job(name: str, version: int, *, uid: str = "", owner: str = "", namespace: str = "ns", **fields: Any) -> Manifest:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
    }
    if owner:
        metadata["ownerReferences"] = [
            {"uid": owner, "controller": True, "kind": "X", "name": "x", "apiVersion": "g/v"}
        ]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, **fields}


def listed(store: Store, version: int, *objects: Manifest, namespace: str | None = None) -> list[Any]:
    replacement = store.begin_replace(namespace)
    changes = [replacement.add(obj, listed=version) for obj in objects]
    return [change for change in changes if change is not None] + replacement.finish(version)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


A = Key("ns", "a")


def test_a_new_object_is_news() -> None:
    store = Store(JOBS)
    change = store.observe(job("a", 5, spec={"x": 1}))
    assert change is not None
    assert (change.old, change.new["spec"] if change.new else None) == (None, {"x": 1})
    assert store.get(A) == job("a", 5, spec={"x": 1})


def test_an_older_version_is_ignored() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5, spec={"x": 2}))
    assert store.observe(job("a", 4, spec={"x": 1})) is None
    assert store.version(A) == "5"


def test_versions_compare_as_numbers() -> None:
    store = Store(JOBS)
    store.observe(job("a", 9))
    store.observe(job("a", 10, spec={}))
    assert store.version(A) == "10"


def test_the_echo_of_our_own_write_is_no_news() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5))
    assert store.observe(job("a", 5)) is None


def test_a_change_of_what_is_not_kept_is_no_news_but_moves_the_version() -> None:
    store = Store(JOBS, trim=lambda obj: {**obj, "status": {}})
    store.observe(job("a", 5, status={"active": 1}))
    assert store.observe(job("a", 6, status={"active": 2})) is None
    assert store.version(A) == "6"


def test_managed_fields_and_the_last_applied_annotation_are_not_kept() -> None:
    store = Store(JOBS)
    obj = job("a", 5)
    obj["metadata"]["managedFields"] = [{"manager": "x"}]
    obj["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "1"}
    before = copy.deepcopy(obj)
    store.observe(obj)
    kept = store.get(A)
    assert kept is not None
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["annotations"] == {"mine": "1"}
    assert obj == before, "what is given is not the store's to change"


def test_a_reader_cannot_change_what_is_stored() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5, spec={"x": 1}))
    found = store.get(A)
    assert found is not None
    found["spec"]["x"] = 2
    assert store.get(A) == job("a", 5, spec={"x": 1})


def test_a_deleted_object_is_gone_and_its_late_write_is_no_ghost() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5))
    change = store.observe_deleted(job("a", 8))
    assert change is not None
    assert change.new is None
    assert store.observe(job("a", 7, status={})) is None
    assert store.get(A) is None


def test_a_name_that_went_away_is_remembered_for_two_minutes() -> None:
    clock = Clock()
    store = Store(JOBS, clock=clock)
    store.observe(job("a", 5))
    assert not store.recently_deleted(A)
    store.observe_deleted(job("a", 8))
    assert store.recently_deleted(A)
    assert not store.recently_deleted(Key("ns", "b"))
    clock.now = TOMBSTONE_LIFETIME + 1
    assert not store.recently_deleted(A)
    store.observe(job("b", 9))
    store.observe_deleted(job("b", 10))
    assert len(store._recently_deleted) == 1, "what is past is forgotten"


def test_a_late_write_is_no_ghost_after_a_deletion_without_a_version() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5))
    store.observe_gone(A, "uid-a")
    assert store.observe(job("a", 7)) is None


def test_an_object_made_again_under_the_name_is_another_one() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5))
    store.observe_deleted(job("a", 8))
    assert store.observe(job("a", 9, uid="second")) is not None
    assert store.observe_deleted(job("a", 8)) is None, "the first one's goodbye does not concern the second"
    assert store.get(A) is not None


def test_a_late_write_to_a_predecessor_does_not_come_back_after_its_successor() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5, uid="first"))
    store.observe(job("a", 9, uid="second"))  # the goodbye was never heard
    store.observe_deleted(job("a", 12, uid="second"))
    assert store.observe(job("a", 11, uid="first")) is None
    assert store.get(A) is None


def test_a_confirmed_deletion_of_another_uid_changes_nothing() -> None:
    store = Store(JOBS)
    store.observe(job("a", 9, uid="second"))
    assert store.observe_gone(A, "first") is None
    assert store.get(A) is not None


def test_an_object_that_left_the_selection_and_came_back_is_there() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5))
    store.observe_deleted(job("a", 6))  # its label was taken: the watch says DELETED
    assert store.observe(job("a", 7)) is not None


def test_tombstones_are_forgotten_in_time() -> None:
    clock = Clock()
    store = Store(JOBS, clock=clock)
    for number in range(100):
        store.observe_gone(Key("ns", f"g{number}"), f"uid-{number}")
    clock.now = TOMBSTONE_LIFETIME + 1
    store.observe_gone(A, "uid-a")
    assert list(store._tombstones) == ["uid-a"]


def test_a_list_replaces_and_says_what_recently_deleted() -> None:
    store = Store(JOBS)
    listed(store, 5, job("a", 3), job("b", 4))
    changes = listed(store, 9, job("b", 4), job("c", 8))
    assert [(change.key.name, change.new is None, change.initial) for change in changes] == [
        ("c", False, True),
        ("a", True, True),
    ]


def test_what_the_first_list_told_is_from_before_until_there_is_news() -> None:
    store = Store(JOBS)
    listed(store, 10, job("a", 5), job("b", 6))
    store.observe(job("b", 11))
    store.observe(job("c", 12))
    listed(store, 20, job("a", 5), job("b", 11), job("c", 12))
    assert [store.only_from_initial_list(Key("ns", name)) for name in ("a", "b", "c", "none")] == [
        True,
        False,
        False,
        False,
    ]


def test_what_the_first_list_told_is_from_before_in_each_namespace() -> None:
    store = Store(JOBS, namespaces=("one", "two"))
    listed(store, 10, job("a", 5, namespace="one"), namespace="one")
    listed(store, 20, job("a", 15, namespace="two"), namespace="two")
    store.observe(job("b", 15, namespace="one"))
    keys = (Key("one", "a"), Key("two", "a"), Key("one", "b"))
    assert [store.only_from_initial_list(key) for key in keys] == [True, True, False]


def test_a_list_keeps_what_is_newer_than_it() -> None:
    store = Store(JOBS)
    replacement = store.begin_replace()
    store.observe(job("mine", 12))  # the answer to our own write, while the LIST is under way
    replacement.add(job("a", 3), listed=10)
    assert replacement.finish(10) == []
    assert store.get(Key("ns", "mine")) is not None


def test_a_list_does_not_take_an_object_back_to_its_past() -> None:
    store = Store(JOBS)
    store.observe(job("a", 12, spec={"x": "new"}))
    assert listed(store, 10, job("a", 9, spec={"x": "old"})) == []
    assert store.version(A) == "12"


def test_a_list_older_than_a_deletion_does_not_undo_it() -> None:
    store = Store(JOBS)
    store.observe(job("a", 5))
    store.observe_deleted(job("a", 8))
    assert listed(store, 6, job("a", 5)) == []
    assert store.get(A) is None


def test_a_late_event_for_what_a_newer_list_did_not_have_is_no_ghost() -> None:
    store = Store(JOBS)
    listed(store, 20)
    assert store.observe(job("a", 15)) is None
    assert store.observe(job("b", 21)) is not None


def test_namespaces_are_listed_apart() -> None:
    store = Store(JOBS, namespaces=("n1", "n2"))
    listed(store, 5, job("a", 3, namespace="n1"), namespace="n1")
    assert not store.synced
    assert listed(store, 6, namespace="n2") == []
    assert store.synced
    assert store.get(Key("n1", "a")) is not None
    with pytest.raises(LookupError):
        store.begin_replace(None)


def test_owned_by_the_controlling_uid_in_order() -> None:
    store = Store(JOBS)
    for name in ("c", "a", "b"):
        store.observe(job(name, 5, owner=OWNER))
    store.observe(job("x", 5, owner="other"))
    assert [obj["metadata"]["name"] for obj in store.owned(OWNER)] == ["a", "b", "c"]
    store.observe_deleted(job("b", 7, owner=OWNER))
    assert [obj["metadata"]["name"] for obj in store.owned(OWNER)] == ["a", "c"]


def test_an_index_follows_its_objects() -> None:
    index = Index(JOBS, "by-model", lambda obj: [obj["spec"]["model"]])
    store = Store(JOBS)
    store.add_index(index)
    store.observe(job("a", 5, spec={"model": "m1"}))
    store.observe(job("a", 6, spec={"model": "m2"}))
    assert store.indexed(index, "m1") == []
    assert [obj["metadata"]["name"] for obj in store.indexed(index, "m2")] == ["a"]


def test_an_unknown_index_is_an_error() -> None:
    with pytest.raises(LookupError, match="declare it"):
        Store(JOBS).indexed(Index(JOBS, "nope", lambda _: ()), "x")


# A history of one name: objects come and go, each version has its own number. Any store that hears
# a part of it, in any order, with LISTs in between, and at the end a LIST, knows the end.
History = list[tuple[str, Manifest]]


def history(steps: list[str]) -> History:
    events: History = []
    alive = False
    lives = 0
    for version, step in enumerate(steps, start=1):
        if step == "change" and alive:
            events.append(("MODIFIED", job("a", version, uid=f"u{lives}", spec={"v": version})))
        elif step == "toggle" and not alive:
            lives += 1
            alive = True
            events.append(("ADDED", job("a", version, uid=f"u{lives}", spec={"v": version})))
        elif step == "toggle":
            alive = False
            events.append(("DELETED", job("a", version, uid=f"u{lives}", spec={"v": version})))
    return events


@settings(max_examples=300)
@given(
    steps=st.lists(st.sampled_from(["change", "toggle"]), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
    heard=st.data(),
)
def test_any_order_with_repeats_and_gaps_ends_at_the_truth(steps: list[str], order: Any, heard: Any) -> None:
    events = history(steps)
    end = len(steps) + 1
    truth = events[-1][1] if events and events[-1][0] != "DELETED" else None
    told = [event for event in events * 2 if heard.draw(st.booleans())]
    order.shuffle(told)
    store = Store(JOBS)
    for kind, obj in told:
        if kind == "DELETED":
            store.observe_deleted(copy.deepcopy(obj))
        else:
            store.observe(copy.deepcopy(obj))
    listed(store, end, *([truth] if truth else []))
    for kind, obj in told:  # and once more, late
        if kind == "DELETED":
            store.observe_deleted(copy.deepcopy(obj))
        else:
            store.observe(copy.deepcopy(obj))
    assert store.get(A) == truth
