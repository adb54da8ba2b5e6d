# SPDX-License-Identifier: Apache-2.0
"""Places on claims: what the API takes, and what never reaches a mount."""

import pytest
from pydantic import TypeAdapter, ValidationError

from mlops_operator.api.schema import PvcUri

URI: TypeAdapter[str] = TypeAdapter(PvcUri)


@pytest.mark.parametrize(
    "uri",
    ["pvc://data", "pvc://data/", "pvc://my.data/a/b.npz", "pvc://d//a/", "pvc://d/.a", "pvc://d/..a", "pvc://d/..."],
)
def test_a_place_on_a_claim_is_taken(uri: str) -> None:
    assert URI.validate_python(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        *("pvc://data/..", "pvc://data/../x", "pvc://data/a/../../b", "pvc://data/a/..", "pvc://data/.", "pvc://d/./a"),
        *("pvc://data/a b", "pvc://data/a\x00", "pvc://data/a\x1b", "pvc://data/\n", "pvc://", "pvc:///a", "pvc://.."),
        "s3://bucket/a",
    ],
)
def test_what_climbs_or_cannot_be_a_path_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError):
        URI.validate_python(uri)
