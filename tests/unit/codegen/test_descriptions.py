# SPDX-License-Identifier: Apache-2.0
"""Docstrings as the words of schemas and references."""

from enum import StrEnum

from mlops_operator.api.schema import Duration, PvcUri, SpecModel
from mlops_operator.codegen.crd.descriptions import member_descriptions, own_docstring, text, type_description


class Fruit(StrEnum):
    """What grows."""

    APPLE = "Apple"
    """Grows on trees,
    and falls from them."""
    BERRY = "Berry"


class Base(SpecModel):
    """The base's words."""


class Derived(Base):
    pass


def test_lines_are_joined_and_paragraphs_kept() -> None:
    assert text("One\n    line.\n\n    Two.\n    ") == "One line.\nTwo."
    assert text(None) == ""


def test_a_class_without_words_does_not_borrow_its_bases() -> None:
    assert own_docstring(Base) == "The base's words."
    assert own_docstring(Derived) == ""


def test_constrained_types_speak_by_their_own_docstring() -> None:
    assert type_description(Duration).startswith("Hours, minutes and seconds")
    assert type_description(PvcUri).startswith("A path on a PersistentVolumeClaim")
    assert type_description(str) == ""


def test_members_of_an_enum_speak_by_the_string_under_them() -> None:
    assert member_descriptions(Fruit) == {"Apple": "Grows on trees, and falls from them.", "Berry": ""}
