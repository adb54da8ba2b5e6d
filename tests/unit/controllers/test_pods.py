# SPDX-License-Identifier: Apache-2.0
"""Parts of pods that several kinds share."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_operator.api.common import PodSettings, PodTemplate, Resources
from mlops_operator.controllers.shared.pods import (
    Location,
    claim_mounts,
    claim_volumes,
    container,
    location_mounts,
    location_of,
    merge,
    merge_template,
    pod_spec,
    settings_container,
    volume_name,
)
from tests.unit.controllers.trainingjob.driver import NAME, Run


def test_claims_whose_names_differ_by_a_dot_or_at_their_end_have_volumes_of_their_own() -> None:
    long = "c" * 70
    claims = ["a.b", "a-b", f"{long}1", f"{long}2"]
    volumes = claim_volumes(f"pvc://{claim}/rows" for claim in claims)
    names = [volume["name"] for volume in volumes]
    assert len(set(names)) == len(claims)
    assert all(len(name) <= 63 for name in names)
    assert {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in volumes} == {
        mount["name"]: mount["mountPath"].rpartition("/")[2]
        for mount in claim_mounts(f"pvc://{claim}/rows" for claim in claims)
    }


def test_a_volumes_name_follows_from_its_claim_alone() -> None:
    assert [volume["name"] for volume in claim_volumes(["pvc://my-claim/a", "pvc://store"])] == [
        "pvc-my-claim",
        "pvc-store",
    ]
    both = {
        volume["persistentVolumeClaim"]["claimName"]: volume["name"]
        for volume in claim_volumes(["pvc://a.b/x", "pvc://a-b/x"])
    }
    assert both == {claim: claim_volumes([f"pvc://{claim}/x"])[0]["name"] for claim in ("a.b", "a-b")}
    assert volume_name("a.b") != volume_name("a-b")


@pytest.mark.parametrize("length", [58, 59])
def test_a_volume_whose_name_fits_is_named_after_its_claim(length: int) -> None:
    assert volume_name("c" * length) == f"pvc-{'c' * length}"


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("pvc://data", Location("data", ())),
        ("pvc://data/", Location("data", ())),
        ("pvc://data/a/b.npz", Location("data", ("a", "b.npz"))),
        ("pvc://data//a/./b/", Location("data", ("a", "b"))),
        ("s3://data/a", None),
    ],
)
def test_a_uri_names_a_place_on_a_claim(uri: str, location: Location | None) -> None:
    assert location_of(uri) == location


@pytest.mark.parametrize(
    ("one", "other", "holds"),
    [
        ("pvc://a/b", "pvc://a/b", True),
        ("pvc://a/b", "pvc://a/b/c", True),
        ("pvc://a", "pvc://a/b", True),
        ("pvc://a/b/c", "pvc://a/b", False),
        ("pvc://a/b", "pvc://a/bc", False),
        ("pvc://a/b", "pvc://ab/b", False),
    ],
)
def test_a_place_holds_itself_and_what_is_below_it(one: str, other: str, holds: bool) -> None:
    outer, inner = location_of(one), location_of(other)
    assert outer is not None
    assert inner is not None
    assert outer.holds(inner) is holds


def mount(path: str, *, writable: bool = False) -> dict[str, object]:
    claim, _, sub_path = path.partition("/")
    return {
        "name": f"pvc-{claim}",
        "mountPath": f"/mnt/pvc/{path}",
        **({"subPath": sub_path} if sub_path else {}),
        **({} if writable else {"readOnly": True}),
    }


@pytest.mark.parametrize(
    ("read", "write", "expected"),
    [
        pytest.param(["a/x", "a/y"], [], [mount("a/x"), mount("a/y")], id="two-places-of-one-claim"),
        pytest.param(["a/y", "a/x", "a/x"], [], [mount("a/x"), mount("a/y")], id="ordered-and-once"),
        pytest.param(["a/x"], ["a/out/0"], [mount("a/out/0", writable=True), mount("a/x")], id="read-and-write"),
        pytest.param(["a"], [], [mount("a")], id="the-whole-claim"),
        pytest.param(["a"], ["a/out/0"], [mount("a"), mount("a/out/0", writable=True)], id="output-in-read-claim"),
        pytest.param(["a/x", "a/x/y/z"], [], [mount("a/x")], id="nested"),
        pytest.param(["a/x", "a/xy"], [], [mount("a/x"), mount("a/xy")], id="only-a-common-beginning"),
        pytest.param(["a/out/0"], ["a/out/0"], [mount("a/out/0", writable=True)], id="the-same-place"),
        pytest.param(
            ["a/out/0/in"], ["a/out/0"], [mount("a/out/0", writable=True), mount("a/out/0/in")], id="data-in-output"
        ),
        pytest.param(
            ["a", "a/out/0/in"],
            ["a/out/0"],
            [mount("a"), mount("a/out/0", writable=True), mount("a/out/0/in")],
            id="read-write-read",
        ),
    ],
)
def test_places_are_mounted_one_by_one(read: list[str], write: list[str], expected: list[dict[str, object]]) -> None:
    found = location_mounts(read=[f"pvc://{path}" for path in read], write=[f"pvc://{path}" for path in write])
    assert found == expected


_FIELDS = st.sampled_from(
    ["containers", "initContainers", "volumes", "name", "env", "volumeMounts", "mountPath", "ports", "containerPort"]
)
_ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["main", "tmp", "/tmp"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_FIELDS, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(_FIELDS, _ANY, max_size=4), st.integers(1, 2))
@example({"containers": [{"name": {"a": 1}}]}, 1)
def test_no_template_stops_the_plan(template: dict[str, Any], replicas: int) -> None:
    run = Run({"template": {"spec": template}, "replicas": replicas})
    plan = run.cluster.plan(run.controller, NAME)
    assert plan.actions or plan.status is not None


def test_items_whose_names_are_no_names_are_left_to_the_api_server() -> None:
    odd = [{"name": ["x"]}]
    assert merge({"containers": [{"name": "main"}]}, {"containers": odd}) == {"containers": [{"name": "main"}, *odd]}


def test_a_container_has_what_is_given_and_nothing_empty() -> None:
    bare = container(image="i")
    assert not {"command", "args", "resources"} & bare.keys()
    assert not {"command", "args", "resources"} & container(image="i", resources=Resources()).keys()
    full = container(image="i", command=["a"], args=["b"], resources=Resources(requests={"cpu": "1"}))
    assert (full["command"], full["args"], full["resources"]) == (["a"], ["b"], {"requests": {"cpu": "1"}})


@pytest.mark.parametrize("account", [None, "trainer"])
def test_a_pod_has_a_token_only_where_an_account_is_named(account: str | None) -> None:
    spec = pod_spec(containers=[], security_context={}, service_account_name=account)
    assert spec["automountServiceAccountToken"] is (account is not None)
    assert spec.get("serviceAccountName") == account
    assert not {"initContainers", "restartPolicy"} & spec.keys()
    assert pod_spec(containers=[], security_context={}, restart_policy="Never")["restartPolicy"] == "Never"


@pytest.mark.parametrize(("heard", "policy"), [(True, "FallbackToLogsOnError"), (False, "File")])
def test_the_log_of_foreign_code_is_not_its_message(heard: bool, policy: str) -> None:
    assert container(image="i", heard_by_log=heard)["terminationMessagePolicy"] == policy


def test_the_users_variables_win_over_those_of_the_same_name() -> None:
    settings = PodSettings.model_validate({"image": "i", "env": [{"name": "A", "value": "theirs"}]})
    env = [{"name": "A", "value": "ours"}, {"name": "B", "value": "ours"}]
    found = settings_container(settings, env=env, mounts=(), resources=Resources())
    assert found["env"] == [{"name": "B", "value": "ours"}, {"name": "A", "value": "theirs"}]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"a": 1, "b": {"c": 1}}, {"b": {"d": 2}, "e": 3}, {"a": 1, "b": {"c": 1, "d": 2}, "e": 3}),
        ({"a": 1}, {"a": [1]}, {"a": [1]}),
        ([1], {"a": 1}, {"a": 1}),
        ({"a": 1}, [1], [1]),
        ([1], [2], [1, 2]),
        (
            [{"name": "a", "x": 1}],
            [{"name": "b"}, {"name": "a", "y": 2}],
            [{"name": "a", "x": 1, "y": 2}, {"name": "b"}],
        ),
        ([{"name": "a"}], [{"key": "a"}], [{"name": "a"}, {"key": "a"}]),
        (
            [{"name": "v", "mountPath": "/a"}],
            [{"name": "v", "mountPath": "/b"}],
            [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}],
        ),
    ],
)
def test_a_template_is_merged_by_keys_and_names(ours: Any, theirs: Any, expected: Any) -> None:
    assert merge(ours, theirs) == expected


@pytest.mark.parametrize("annotations", [{}, {"a": "b"}])
def test_annotations_and_labels_of_a_template_are_kept_and_our_labels_win(annotations: dict[str, str]) -> None:
    metadata = {"labels": {"team": "a", "ours": "theirs"}, "annotations": annotations}
    template = PodTemplate.model_validate({"metadata": metadata, "spec": {}})
    found = merge_template({"containers": [{"name": "main"}, "odd"]}, {"ours": "ours"}, template)
    kept = {"annotations": annotations} if annotations else {}
    assert found["metadata"] == {"labels": {"team": "a", "ours": "ours"}, **kept}
    assert found["spec"] == {
        "containers": [{"name": "main", "terminationMessagePolicy": "FallbackToLogsOnError"}, "odd"]
    }
