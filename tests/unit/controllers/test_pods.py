"""Parts of pods that several kinds share."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mlops_operator.controllers.shared.pods import claim_volumes, merge
from tests.unit.controllers.trainingjob.driver import NAME, Run


def test_claims_whose_names_differ_by_a_dot_or_at_their_end_have_volumes_of_their_own() -> None:
    long = "c" * 70
    claims = ["a.b", "a-b", f"{long}1", f"{long}2"]
    volumes, mounts = claim_volumes(read=[f"pvc://{claim}/rows" for claim in claims], write=[])
    names = [volume["name"] for volume in volumes]
    assert len(set(names)) == len(claims)
    assert all(len(name) <= 63 for name in names)
    assert {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in volumes} == {
        mount["name"]: mount["mountPath"].rpartition("/")[2] for mount in mounts
    }


def test_a_claim_alone_keeps_its_plain_name() -> None:
    volumes, _ = claim_volumes(read=["pvc://my.claim/a"], write=["pvc://store"])
    assert [volume["name"] for volume in volumes] == ["pvc-my-claim", "pvc-store"]


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
