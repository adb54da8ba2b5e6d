# SPDX-License-Identifier: Apache-2.0
"""The reference: fresh, complete, and Markdown that renders."""

import re
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import pytest
from prometheus_client import REGISTRY
from pydantic import Field

from mlops_operator.api import modeldeployment, promotion, trainingjob
from mlops_operator.api.conditions import READY, RECONCILING, STALLED
from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.api.schema import Image, SpecModel
from mlops_operator.api.trainingjob import TRAINING_JOB
from mlops_operator.codegen.crd.definition import object_schema
from mlops_operator.codegen.docs.__main__ import generator, index_page
from mlops_operator.codegen.docs.enums import condition_types, enums_of
from mlops_operator.codegen.docs.fields import constraints, field_rows, linked_fields, type_name
from mlops_operator.codegen.docs.markdown import cell, code, section, table
from mlops_operator.codegen.docs.metrics import OTHERS, metric_rows
from mlops_operator.codegen.docs.page import kind_page
from mlops_operator.codegen.generated import ROOT
from tests.integration.crd_cases.mutations import rules_of_schema

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


def test_the_pages_are_fresh() -> None:
    assert generator().differences(ROOT) == []


@by_kind
def test_a_page_has_every_rule_and_every_reason(kind: Kind) -> None:
    page = kind_page(kind, KINDS)
    for message in rules_of_schema(object_schema(kind)):
        assert cell(message) in page
    for condition in (RECONCILING, STALLED, READY):
        assert f"| `{condition}` |" in page


@by_kind
def test_tables_are_as_wide_as_their_heads(kind: Kind) -> None:
    """A border inside a cell would shift all that follows it."""
    width = 0
    for line in kind_page(kind, KINDS).splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        columns = len(re.findall(r"(?<!\\)\|", line))
        width = width or columns
        assert columns == width, line


def test_the_readme_and_the_index_link_to_every_kind() -> None:
    for kind in KINDS:
        assert f"docs/reference/{kind.singular}.md" in (ROOT / "README.md").read_text()
        assert f"({kind.singular}.md)" in index_page()


def test_links_between_pages_lead_somewhere() -> None:
    folder = ROOT / "docs/reference"
    for name, page in generator().files.items():
        for target in re.findall(r"\]\(([^)#]+)\)", re.sub(r"`[^`]*`", "", page)):
            assert (folder / target).resolve().exists(), f"{name}: {target}"


def test_another_kinds_spec_is_pointed_at_instead_of_repeated() -> None:
    policy = next(kind for kind in KINDS if kind.kind == "RetrainPolicy")
    page = kind_page(policy, KINDS)
    assert "Fields: [TrainingJob](trainingjob.md)." in page
    assert "`spec.training.spec.image`" not in page
    assert "`spec.image`" in kind_page(TRAINING_JOB, KINDS)


def test_a_field_with_the_shape_of_another_kinds_spec_is_not_that_kind() -> None:
    class TwinSpec(SpecModel):
        """Equal fields, another type."""

        image: Image

    class HolderSpec(SpecModel):
        """A field of another type."""

        class Inner(SpecModel):
            """Equal fields, another type."""

            image: Image

        inner: Inner
        many: Annotated[tuple[TwinSpec, ...], Field(max_length=3)] = ()
        direct: TwinSpec

    twin = replace(TRAINING_JOB, kind="Twin", spec=TwinSpec)
    holder = replace(TRAINING_JOB, kind="Holder", spec=HolderSpec)
    page = kind_page(holder, (holder, twin))
    assert page.count("[Twin](twin.md)") == 1, "only `direct` is of that type"
    assert "`spec.inner.image`" in page
    assert "`spec.direct.image`" not in page
    assert list(linked_fields(HolderSpec, "spec", {TwinSpec: "there"})) == [
        ("spec.many[]", "there"),
        ("spec.direct", "there"),
    ]


def test_a_field_says_its_type_default_and_limits() -> None:
    schema = {
        "properties": {
            "names": {
                "type": "array",
                "items": {"type": "string", "maxLength": 5},
                "maxItems": 3,
                "description": "Some.",
                "default": ["a"],
            }
        },
        "required": ["names"],
    }
    (row,) = field_rows(schema, "spec", {})
    assert (row.path, row.type, row.required, row.default) == ("spec.names", "list of string", True, '["a"]')
    assert row.constraints == ("items ≤ 3", "each: length ≤ 5")


def test_types_are_named_in_words() -> None:
    assert type_name({"x-kubernetes-int-or-string": True}) == "integer or string"
    assert type_name({"x-kubernetes-preserve-unknown-fields": True}) == "any JSON"
    assert type_name({"type": "object", "additionalProperties": {"type": "number"}}) == "map of number"
    assert type_name({"type": "string", "format": "date-time"}) == "time"


def test_exclusive_bounds_are_strict() -> None:
    assert list(constraints({"minimum": 0, "exclusiveMinimum": True, "maximum": 1})) == ["> 0", "≤ 1"]


def test_condition_types_are_found_by_their_docstring() -> None:
    assert set(condition_types(trainingjob)) == {"Complete", "Failed", "SpecChangeIgnored"}
    assert {"Progressing", "ModelLoaded", "Degraded"} <= set(condition_types(modeldeployment))
    assert condition_types(promotion)["GatePassed"].startswith("The version passed the gate.")


def test_only_a_modules_own_enumerations_are_listed() -> None:
    names = [enum.__name__ for enum in enums_of(trainingjob)]
    assert "TrainingReason" in names
    assert "Truth" not in names
    assert all(issubclass(enum, StrEnum) for enum in enums_of(trainingjob))


def test_every_metric_that_is_scraped_is_described() -> None:
    scraped = {m.name for m in REGISTRY.collect() if not m.name.startswith(OTHERS)}
    described = {row.name.removesuffix("_total") for row in metric_rows()}
    assert scraped <= described
    assert all(row.help for row in metric_rows())


def test_cells_stay_cells() -> None:
    assert cell("a|b\nc <tag> `<code>`") == "a\\|b c &lt;tag> `<code>`"
    assert code("a|b") == "`a\\|b`"
    assert table(("x",), [("1",)]) == "| x |\n| --- |\n| 1 |\n"
    assert section("Empty", "", "") == ""
