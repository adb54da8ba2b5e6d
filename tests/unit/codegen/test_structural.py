# SPDX-License-Identifier: Apache-2.0
"""How the parts of a model are written as a structural schema."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import Field

from mlops_operator.api.schema import AnyJson, AnyObject, CelRule, IntOrString, ListMap, Quantity, SpecModel, Text
from mlops_operator.codegen.crd.errors import UnboundedError, UnguardedFieldError, UnsupportedTypeError
from mlops_operator.codegen.crd.structural import OpenAPI, model_schema


class Colour(StrEnum):
    """Of the rainbow."""

    RED = "Red"
    BLUE = "Blue"


class Inner(SpecModel):
    """Something inside."""

    name: Text
    size: Annotated[int, Field(gt=0, lt=10)] = 3


def field_of(model: type[SpecModel], name: str, *, defaults: bool = True) -> OpenAPI:
    schema: OpenAPI = model_schema(model, defaults=defaults)["properties"][name]
    return schema


def test_union_with_none_is_a_plain_optional_field() -> None:
    class Outer(SpecModel):
        inner: Inner | None = None

    schema = model_schema(Outer, defaults=True)
    assert "required" not in schema
    assert schema["properties"]["inner"]["type"] == "object"
    assert "anyOf" not in schema["properties"]["inner"]


def test_a_model_inside_is_inlined_with_its_words() -> None:
    class Outer(SpecModel):
        plain: Inner
        described: Inner
        """Its own words."""

    assert field_of(Outer, "plain")["description"] == "Something inside."
    assert field_of(Outer, "described")["description"] == "Its own words."
    assert field_of(Outer, "plain")["required"] == ["name"]


def test_exclusive_bounds_are_booleans_beside_the_bound() -> None:
    size = field_of(Inner, "size")
    assert (size["minimum"], size["exclusiveMinimum"]) == (0, True)
    assert (size["maximum"], size["exclusiveMaximum"]) == (10, True)


def test_integers_are_of_64_bits() -> None:
    assert field_of(Inner, "size")["format"] == "int64"


def test_an_enum_lists_its_values() -> None:
    class Outer(SpecModel):
        colour: Colour = Colour.RED

    assert field_of(Outer, "colour") == {
        "description": "Of the rainbow.",
        "type": "string",
        "enum": ["Red", "Blue"],
        "default": "Red",
    }


def test_names_are_camel_case_or_as_the_alias_says() -> None:
    class Outer(SpecModel):
        two_words: bool = False
        other: Annotated[bool, Field(alias="from")] = False

    assert set(model_schema(Outer, defaults=True)["properties"]) == {"twoWords", "from"}


def test_a_list_is_atomic_unless_it_is_a_map_by_key() -> None:
    class Outer(SpecModel):
        atomic: Annotated[tuple[Text, ...], Field(max_length=4)] = ()
        keyed: Annotated[tuple[Inner, ...], Field(min_length=1, max_length=4), ListMap("name")]

    assert field_of(Outer, "atomic")["x-kubernetes-list-type"] == "atomic"
    keyed = field_of(Outer, "keyed")
    assert keyed["x-kubernetes-list-type"] == "map"
    assert keyed["x-kubernetes-list-map-keys"] == ["name"]
    assert (keyed["minItems"], keyed["maxItems"]) == (1, 4)


def test_a_map_bounds_its_keys_where_cel_can_see_them() -> None:
    class Outer(SpecModel):
        typed: Annotated[dict[Annotated[str, Field(max_length=5)], int], Field(max_length=2)] = {}
        untyped: Annotated[dict[Annotated[str, Field(max_length=5)], AnyJson], Field(max_length=2)] = {}

    typed = field_of(Outer, "typed")
    assert typed["maxProperties"] == 2
    assert typed["additionalProperties"] == {"type": "integer", "format": "int64"}
    assert typed["x-kubernetes-validations"][0]["rule"] == "self.all(key, key.size() <= 5)"
    assert "x-kubernetes-validations" not in field_of(Outer, "untyped")


def test_free_form_values_keep_unknown_fields() -> None:
    class Outer(SpecModel):
        anything: AnyJson = None
        an_object: AnyObject = {}

    assert field_of(Outer, "anything") == {"nullable": True, "x-kubernetes-preserve-unknown-fields": True}
    assert field_of(Outer, "anObject") == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_int_or_string_carries_the_constraints_of_the_string() -> None:
    class Outer(SpecModel):
        plain: Quantity
        bounded: Annotated[int | Annotated[str, Field(max_length=9, pattern="^[a-z]+$")], IntOrString()]

    assert field_of(Outer, "plain")["x-kubernetes-int-or-string"] is True
    assert "type" not in field_of(Outer, "bounded")
    assert field_of(Outer, "bounded")["maxLength"] == 9
    assert field_of(Outer, "bounded")["pattern"] == "^[a-z]+$"


def test_rules_are_inherited_and_stand_once() -> None:
    first, second = CelRule("self.size > 1", "size: more"), CelRule("self.size > 2", "size: still more")

    class Base(SpecModel):
        rules: ClassVar[tuple[CelRule, ...]] = (first,)
        size: int = 3

    class Derived(Base):
        rules = (second, first)

    assert [rule["message"] for rule in model_schema(Derived, defaults=True)["x-kubernetes-validations"]] == [
        "size: more",
        "size: still more",
    ]


def test_a_list_that_a_rule_reads_is_there_even_if_empty() -> None:
    class Outer(SpecModel):
        rules = (CelRule("self.read.size() < 3 && (!has(self.asked) || self.asked.size() < 3)", "few"),)
        read: Annotated[tuple[Text, ...], Field(max_length=4)] = ()
        asked: Annotated[tuple[Text, ...], Field(max_length=4)] = ()

    assert field_of(Outer, "read")["default"] == []
    assert "default" not in field_of(Outer, "asked")


def test_a_rule_that_reads_what_may_be_absent_is_an_error() -> None:
    class Outer(SpecModel):
        rules = (CelRule("self.size > 1", "more"),)
        size: int | None = None

    with pytest.raises(UnguardedFieldError, match=r"Outer\.size: .*has\(\)"):
        model_schema(Outer, defaults=True)


def test_a_status_has_no_defaults() -> None:
    assert "default" not in field_of(Inner, "size", defaults=False)


def test_a_string_without_bound_is_an_error() -> None:
    class Outer(SpecModel):
        free: str

    with pytest.raises(UnboundedError, match=r"Outer\.free: expected an upper bound \(maxLength\)"):
        model_schema(Outer, defaults=True)


def test_a_list_without_bound_is_an_error() -> None:
    class Outer(SpecModel):
        many: tuple[int, ...] = ()

    with pytest.raises(UnboundedError, match="maxItems"):
        model_schema(Outer, defaults=True)


def test_a_map_without_bound_is_an_error() -> None:
    class Outer(SpecModel):
        many: dict[str, int] = {}

    with pytest.raises(UnboundedError, match="maxProperties"):
        model_schema(Outer, defaults=True)


@pytest.mark.parametrize("annotation", [int | str, Any, list[int], tuple[int, int], object])
def test_a_type_without_counterpart_is_an_error(annotation: Any) -> None:
    class Outer(SpecModel):
        odd: annotation

    with pytest.raises(UnsupportedTypeError, match=r"Outer\.odd: expected"):
        model_schema(Outer, defaults=True)
