# SPDX-License-Identifier: Apache-2.0
"""URIs and the local paths they name."""

from pathlib import Path

import pytest

from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.uri import basename, join, local_path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("pvc://store/digits/train.npz", "/mnt/pvc/store/digits/train.npz"),
        ("pvc://store", "/mnt/pvc/store"),
        ("pvc://store/", "/mnt/pvc/store"),
        ("file:///data/a%20b", "/data/a b"),
        ("/data/a", "/data/a"),
        ("data/a", "data/a"),
    ],
)
def test_local_uris_are_paths(uri: str, path: str) -> None:
    assert local_path(uri, environ={}) == Path(path)


def test_the_root_of_the_claims_is_taken_from_the_environment() -> None:
    assert local_path("pvc://a/b", environ={"MLOPS_PVC_ROOT": "/claims"}) == Path("/claims/a/b")


def test_other_schemes_are_remote() -> None:
    assert local_path("s3://bucket/key", environ={}) is None


@pytest.mark.parametrize("uri", ["pvc://", "pvc:///a", "pvc://../a", "pvc://a/../../etc", "file://host/a"])
def test_a_uri_that_leaves_its_claim_is_refused(uri: str) -> None:
    with pytest.raises(ConfigurationInvalidError, match="expected"):
        local_path(uri, environ={})


def test_joining_and_taking_apart() -> None:
    assert join("pvc://a/b/", "c") == "pvc://a/b/c"
    assert basename("https://host/a/model.joblib?token=1") == "model.joblib"
