# SPDX-License-Identifier: Apache-2.0
"""What an object refers to, as an index finds it."""

from typing import Any

import pytest

from mlops_operator.controllers.shared.indexes import (
    MODEL_VERSIONS_BY_DIGEST,
    by_reference,
    referred_if_changed,
    referring_if_changed,
    spec_of,
    usability,
    version_fact,
)
from mlops_operator.kube.resources import MODEL_VERSIONS
from mlops_operator.runtime.cache.index import Index
from tests.unit.controllers.builders import NAMESPACE, ToyWorld, make


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


def test_where_a_version_is_used_is_no_change_of_its_usability() -> None:
    version = make(MODEL_VERSIONS, "v", spec={}, status={"phase": "Ready", "deployedIn": ["d"], "version": 3})
    assert usability(version) == {"phase": "Ready"}
    assert usability({"metadata": {}}) == {}


def test_objects_are_enqueued_where_the_part_has_changed_that_they_read() -> None:
    by_model = Index(MODEL_VERSIONS, "by-model", by_reference("model"))
    one = make(MODEL_VERSIONS, "v", spec={"model": "m"})
    other = make(MODEL_VERSIONS, "v", spec={"model": "n"})
    user = make(MODEL_VERSIONS, "user", spec={"model": "v"})
    world = ToyWorld(one, user)
    referring = referring_if_changed(by_model, spec_of)
    assert [key.name for key in referring(one, other, world)] == ["user"]
    assert list(referring(one, one, world)) == []
    referred = referred_if_changed("model", part=spec_of)
    assert [key.name for key in referred(one, other, world)] == ["m", "n"]
    assert list(referred(one, one, world)) == []
