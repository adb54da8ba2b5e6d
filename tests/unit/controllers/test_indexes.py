"""What an object refers to, as an index finds it."""

from typing import Any

import pytest

from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_DIGEST, by_reference, version_fact
from mlops_operator.kube.resources import MODEL_VERSIONS
from tests.unit.controllers.builders import NAMESPACE, make


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"target": {"deployment": "d"}}, [f"{NAMESPACE}/d"]),
        ({"target": {"deployment": ""}}, []),
        ({"target": {"deployment": 7}}, []),
        ({"target": {}}, []),
        ({"target": "d"}, []),
        ({}, []),
    ],
)
def test_a_reference_is_a_name_in_the_spec(spec: dict[str, Any], expected: list[str]) -> None:
    assert list(by_reference("target", "deployment")(make(MODEL_VERSIONS, "v", spec=spec))) == expected


@pytest.mark.parametrize("spec", [{}, {"artifact": {}}, {"artifact": None}, {"artifact": {"digest": ""}}])
def test_a_version_without_a_digest_is_found_under_none(spec: dict[str, Any]) -> None:
    version = make(MODEL_VERSIONS, "v", spec=spec)
    assert version_fact(version).digest == ""
    assert list(MODEL_VERSIONS_BY_DIGEST.values(version)) == []


def test_a_version_is_found_under_its_digest() -> None:
    version = make(MODEL_VERSIONS, "v", spec={"artifact": {"digest": "sha256:a"}})
    assert version_fact(version).digest == "sha256:a"
    assert list(MODEL_VERSIONS_BY_DIGEST.values(version)) == [f"{NAMESPACE}/sha256:a"]
