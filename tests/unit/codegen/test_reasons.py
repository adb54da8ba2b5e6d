# SPDX-License-Identifier: Apache-2.0
"""Every reason has one meaning: the kinds share declarations, and the CRDs and the reference have their words."""

import sys
from collections import defaultdict
from enum import StrEnum

import pytest

from mlops_operator.api import reasons
from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.crd.definition import custom_resource_definition
from mlops_operator.codegen.crd.descriptions import member_descriptions

ENUMS = [
    enum
    for kind in KINDS
    for enum in vars(sys.modules[kind.spec.__module__]).values()
    if isinstance(enum, type)
    and issubclass(enum, StrEnum)
    and enum.__name__.endswith("Reason")
    and enum.__module__ == kind.spec.__module__
]
SHARED = {value: name for name, value in vars(reasons).items() if name.isupper()}


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_reason_says_when_it_is_set(enum: type[StrEnum]) -> None:
    wrong = [value for value, words in member_descriptions(enum).items() if not words.startswith(f"`{value}` is set ")]
    assert wrong == []


def test_reasons_of_several_kinds_are_declared_once_under_one_name() -> None:
    users: dict[str, list[type[StrEnum]]] = defaultdict(list)
    for enum in ENUMS:
        for member in enum:
            users[member.value].append(enum)
    assert {value for value, enums in users.items() if len(enums) > 1} == set(SHARED)
    begins = {
        value: {member_descriptions(enum)[value].split(". ")[0].rstrip(".") for enum in users[value]}
        for value in SHARED
    }
    assert {value for value, words in begins.items() if len(words) > 1} == set()
    assert {(e.__name__, m.name) for e in ENUMS for m in e if SHARED.get(m.value, m.name) != m.name} == set()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_kubectl_explain_tells_what_each_reason_means(kind: Kind) -> None:
    version = custom_resource_definition(kind)["spec"]["versions"][0]
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    words = status["properties"]["conditions"]["items"]["properties"]["reason"]["description"]
    assert [reason for reason in (*kind.reasons, "InternalError") if f"`{reason}` is set " not in words] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_what_the_api_server_refuses_has_the_same_reasons_in_every_kind(kind: Kind) -> None:
    assert {"Forbidden", "NameTaken", "Refused", "TooLarge", "InvalidSpec"} <= set(kind.reasons)
