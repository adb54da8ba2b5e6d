"""Parts of pods that several kinds share."""

from mlops_operator.controllers.shared.pods import claim_volumes


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
