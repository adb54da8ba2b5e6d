# SPDX-License-Identifier: Apache-2.0
"""What trainings of a Model are told to leave out."""

from typing import Any

import pytest

from mlops_operator.controllers.shared.holdout import model_holdout


def gate(share: float | None) -> dict[str, Any]:
    recent = {"uri": "pvc://data/predictions", "minCount": 100, **({"share": share} if share is not None else {})}
    return {"recent": recent, "metrics": [{"name": "accuracy", "min": 0.9}]}


PINNED: dict[str, Any] = {
    "data": [{"name": "test", "uri": "pvc://data/test.npz", "digest": f"sha256:{'a' * 64}"}],
    "metrics": [{"name": "accuracy", "min": 0.9}],
}


@pytest.mark.parametrize(
    ("gates", "share"),
    [
        ([], None),
        ([None], None),
        ([PINNED], None),
        ([None, PINNED, gate(0.2)], 0.2),
        ([gate(0.1), gate(0.3), gate(0.2)], 0.3),
    ],
)
def test_the_largest_share_of_the_gates_is_held_out(gates: list[dict[str, Any] | None], share: float | None) -> None:
    aliases = [{"name": f"a{index}", **({"gate": found} if found else {})} for index, found in enumerate(gates)]
    found = model_holdout({"metadata": {"uid": "m"}, "spec": {"aliases": aliases}})
    assert found == (None if share is None else {"key": "m", "share": share})


def test_a_model_without_a_spec_or_with_a_wrong_one_holds_nothing_out() -> None:
    assert model_holdout({"metadata": {"uid": "m"}}) is None
    wrong = [{"name": "champion", "gate": gate(2.0)}]
    assert model_holdout({"metadata": {"uid": "m"}, "spec": {"aliases": wrong}}) is None
