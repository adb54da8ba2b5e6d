# SPDX-License-Identifier: Apache-2.0
"""The cases that the integration tests hold against a real API server leave nothing out."""

import pytest

from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.crd.definition import object_schema
from tests.integration.crd_cases.mutations import CASES, paths_of_object, paths_of_schema, rules_of_schema

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


@by_kind
def test_every_cel_rule_has_a_case_that_breaks_it(kind: Kind) -> None:
    cases = CASES[kind.plural]
    broken = {case["message"] for case in (*cases["refused"], *cases.get("updates", ()))}
    unreachable = {entry["message"]: entry["because"] for entry in cases.get("unreachable", ())}
    untested = [
        rule
        for rule in rules_of_schema(object_schema(kind))
        if not any(message in rule for message in broken) and rule not in unreachable
    ]
    assert untested == []


@by_kind
def test_the_valid_objects_use_every_field(kind: Kind) -> None:
    cases = CASES[kind.plural]
    schema = object_schema(kind)["properties"]["spec"]
    used = {path for spec in cases["valid"] for path in paths_of_object(spec, schema)}
    forbidden = {entry["field"] for entry in cases.get("unreachable", ()) if "field" in entry}
    assert set(paths_of_schema(schema)) - forbidden - used == set()


def test_a_missing_file_of_cases_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"tests/integration/crd_cases/datasets\.yaml"):
        CASES["datasets"]
