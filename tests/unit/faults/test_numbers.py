# SPDX-License-Identifier: Apache-2.0
import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import MODELS
from tests.faults.invariants.numbers import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story


def told(*states: Manifest) -> list[str]:
    story = Story()
    for state in states:
        versions = [{"name": f"v{uid}", "uid": uid, "number": number} for uid, number in state["versions"].items()]
        status = {"latestVersion": state["latest"], "versions": versions}
        story.put(MODELS, make(MODELS, "m", spec={}, status=status))
    return list(check(story.history))


def test_numbers_are_given_one_after_the_other() -> None:
    assert (
        told(
            {"latest": 0, "versions": {}},
            {"latest": 2, "versions": {"a": 1, "b": 2}},
            {"latest": 3, "versions": {"b": 2, "c": 3}},
        )
        == []
    )


@pytest.mark.parametrize(
    ("latest", "versions", "what"),
    [
        (1, {"a": 1}, "latestVersion went back from 2 to 1"),
        (2, {"a": 1, "c": 2}, "number 2 was given to b and then to c"),
        (3, {"a": 3, "b": 2}, "va (a) was number 1 and became 3"),
        (2, {"a": 1, "b": 2, "c": 3}, "vc has number 3, the latest is said to be 2"),
    ],
)
def test_numbers_that_change(latest: int, versions: dict[str, int], what: str) -> None:
    (violation,) = told({"latest": 2, "versions": {"a": 1, "b": 2}}, {"latest": latest, "versions": versions})
    assert what in violation
