# SPDX-License-Identifier: Apache-2.0
"""What the story prints of a gate."""

from typing import Any

import pytest

from demo.report import _rule

RULE = {"name": "accuracy", "n": 338, "verdict": "Pass"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"candidate": 0.9941}, "accuracy on all rows 0.994 (n=338, Pass)"),
        (
            {"candidate": 0.9941, "baseline": 0.4638, "lower": 0.4731, "upper": 0.5826},
            "accuracy on all rows 0.994 against 0.464, difference in [+0.473, +0.583] (n=338, Pass)",
        ),
        ({"candidate": 0.9, "baseline": 0.9}, "accuracy on all rows 0.900 against 0.900 (n=338, Pass)"),
        ({"candidate": None, "slice": "shifted"}, "accuracy on shifted rows without a value (n=338, Pass)"),
    ],
)
def test_a_rule_is_told_with_the_numbers_that_it_has(values: dict[str, Any], said: str) -> None:
    assert _rule({**RULE, **values}) == said
