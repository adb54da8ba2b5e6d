# SPDX-License-Identifier: Apache-2.0
"""How an evaluation's result names the figures and counts of each rule.

A rule is named by its position, so that twelve rules fit into one result whatever their slices are called.
"""

from __future__ import annotations

from enum import Enum


class Figure(str, Enum):
    """A number of one rule, in `metrics`. Differences are candidate minus baseline, in the metric's own sign."""

    CANDIDATE = "c"
    BASELINE = "b"
    LOWER = "lo"
    """Lower end of the confidence interval of the difference."""
    UPPER = "hi"
    P_MORE = "p>"
    """One-sided p-value for an improvement of more than the rule's change."""
    P_LESS = "p<"
    """One-sided p-value for an improvement of less than the rule's change."""
    P_BOUND = "p!"
    """One-sided p-value for a candidate outside the rule's min or max; absent where its value keeps them."""


class Count(str, Enum):
    """A number of rows of one rule, in `counts`."""

    ROWS = "n"
    """Labeled rows of the rule's slice."""
    RAREST = "r"
    """Rows of the rarest class among them."""
    DISCORDANT = "d"
    """Rows on which exactly one model is right."""


UNLABELED = "unlabeled"
"""Count of the rows left out because they have no label, over all data inputs."""

DUPLICATES = "duplicates"
"""Count of the rows that repeat the features, label and slice of an earlier one."""


def rule_figure(rule: int, name: Figure | Count) -> str:
    """Name of a figure or count of the rule at position `rule` (from 0)."""
    return f"{rule}.{name.value}"
