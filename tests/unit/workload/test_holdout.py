# SPDX-License-Identifier: Apache-2.0
"""Which rows are held out: the same everywhere, for every type of identity, and as many as were asked for."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from mlops_contract.document import DocumentInvalidError
from mlops_workload.holdout import Holdout, identity_of, identity_text

from .conftest import ROOT

KEY = "0b9a6f0c-4a52-4f7e-9c1d-5b1f3d5a7e11"


def test_the_decision_is_pinned() -> None:
    """A change here would put rows of former trainings into the hold-out."""
    holdout = Holdout(key=KEY, share=0.25)
    assert [number for number in range(40) if holdout.holds(number)] == PINNED


PINNED = [1, 4, 15, 17, 24, 27]


def test_another_process_decides_the_same() -> None:
    """Python's own hash() of a text differs from process to process."""
    code = (
        "import json, sys; from mlops_workload.holdout import Holdout; "
        f"h = Holdout(key={KEY!r}, share=0.25); print(json.dumps([h.holds(f'user-{{n}}') for n in range(200)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "operator"), "PYTHONHASHSEED": "4242"},
        capture_output=True,
        text=True,
        check=True,
    )
    holdout = Holdout(key=KEY, share=0.25)
    assert json.loads(done.stdout) == [holdout.holds(f"user-{number}") for number in range(200)]


@pytest.mark.parametrize(
    "same",
    [
        (7, 7.0, "7", "7.0", " 7 ", "007", np.int64(7), np.float32(7), np.str_("7"), b"7", "+7"),
        (-0.0, 0, "0", "-0", "0.00"),
        (0.5, "0.5", ".5", np.float64(0.5), "5e-1"),
        ("user-1", np.str_("user-1"), b"user-1", " user-1"),
        (2**63 - 1, str(2**63 - 1), np.int64(2**63 - 1)),
        (True, "true", np.bool_(True)),
        ("7", "0" * 39 + "7"),
    ],
    ids=["integer", "zero", "fraction", "text", "large", "boolean", "of 40 characters"],
)
def test_one_identity_has_one_text_in_all_types(same: tuple[Any, ...]) -> None:
    assert len({identity_text(value) for value in same}) == 1


def test_a_text_of_more_than_40_characters_is_no_number() -> None:
    assert identity_text("0" * 40 + "7") == "0" * 40 + "7"


@pytest.mark.parametrize(("position", "held"), [(0, True), (2**63 - 1, True), (2**63, False), (2**64 - 1, False)])
def test_positions_below_the_share_are_held_out(position: int, held: bool) -> None:
    assert Holdout(key=KEY, share=0.5).includes(position) is held


def test_the_group_of_a_row_comes_before_its_id() -> None:
    assert identity_of({"group": "g", "id": 1}) == "g"
    for nothing in ({"group": None}, {"group": ""}, {"group": float("nan")}, {}):
        assert identity_of({**nothing, "id": 1}) == 1
    assert identity_of({"group": 0, "id": 1}) == 0
    assert identity_of({"id": None}) is None


def test_different_identities_have_different_texts() -> None:
    values = [0, 1, -1, 0.5, 10, 1e22, 2**53, 2**53 + 1, "a", "A", "a b", "1a", "1_0", "0x10", "nan", "inf", "\ud800"]
    assert len({identity_text(value) for value in values}) == len(values)


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan"), np.float64("nan"), [], {}, [1]])
def test_a_row_without_identity_is_never_held_out(missing: Any) -> None:
    assert identity_text(missing) is None
    assert not Holdout(key=KEY, share=0.999999).holds(missing)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", [str, int, float], ids=["text", "integer", "float"])
def test_as_many_are_held_out_as_the_share_says(share: float, kind: type) -> None:
    """Within the central binomial interval that holds all but one in a million of fair draws."""
    count = 20_000
    low, high = binom.interval(1 - 1e-6, count, share)
    holdout = Holdout(key=KEY, share=share)
    assert low <= sum(holdout.holds(kind(number)) for number in range(count)) <= high


def test_a_larger_share_holds_out_what_a_smaller_one_does() -> None:
    small, large = Holdout(key=KEY, share=0.1), Holdout(key=KEY, share=0.3)
    held = {number for number in range(2000) if small.holds(number)}
    assert held < {number for number in range(2000) if large.holds(number)}


def test_another_model_holds_out_other_rows() -> None:
    """Of rows that one Model holds out, another holds out its share, no more and no less."""
    first, second = Holdout(key=KEY, share=0.5), Holdout(key="another", share=0.5)
    held = [number for number in range(20_000) if first.holds(number)]
    low, high = binom.interval(1 - 1e-6, len(held), 0.5)
    assert low <= sum(second.holds(number) for number in held) <= high


@pytest.mark.parametrize("share", [-0.1, 0.0, 1.0, 1.5, float("nan")])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(DocumentInvalidError):
        Holdout(key=KEY, share=share)
