# SPDX-License-Identifier: Apache-2.0
"""What an existing cluster must have, and must not have, before the demonstration changes anything in it."""

from dataclasses import replace
from typing import Any

import pytest

from demo.prerequisites import Facts, problems

GOOD = Facts(version="v1.37.2", architectures=frozenset({"amd64"}), default_class=True)


def test_a_good_cluster_has_no_problems() -> None:
    assert problems(GOOD, architecture="amd64") == []


@pytest.mark.parametrize("version", ["v1.30.0", "v1.33.1-gke.100", "v1.31.4+k3s1", "v2.0.0"])
def test_recent_servers_will_do(version: str) -> None:
    assert problems(replace(GOOD, version=version), architecture="amd64") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "v1.29.9"}, "expected Kubernetes v1.30 or newer, found v1.29.9"),
        ({"version": "none"}, "expected Kubernetes v1.30 or newer, found none"),
        ({"architectures": frozenset({"arm64"})}, "images built here, amd64; found arm64"),
        ({"architectures": frozenset({"arm64", "amd64"})}, "images built here, amd64; found amd64, arm64"),
        ({"architectures": frozenset()}, "found none that takes pods"),
        ({"default_class": False}, "expected a StorageClass with the annotation"),
        ({"denied": ("namespaces", "clusterroles")}, "the right to create namespaces, clusterroles, which this user"),
        (
            {"foreign": ("digits",)},
            "expected no namespace digits, or one with the label mlops-operator.io/made-by=demo",
        ),
        ({"installed_elsewhere": "ml"}, "found some installed from namespace ml"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_said_in_a_sentence(change: dict[str, Any], words: str) -> None:
    (problem,) = problems(replace(GOOD, **change), architecture="amd64")
    assert words in problem


def test_all_problems_are_told_at_once() -> None:
    bad = replace(GOOD, version="v1.20.0", default_class=False, foreign=("digits", "mlops-system"))
    assert len(problems(bad, architecture="amd64")) == 4
