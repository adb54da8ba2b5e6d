# SPDX-License-Identifier: Apache-2.0
"""What the figures ought to be, and what other operators need on the same kind of machine."""

import fnmatch
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Target:
    """A bound for a figure of the operator.

    Attributes:
        scenario: where it is measured.
        row: the row, with wildcards.
        figure: its name.
        bound: the figure has to stay within it, the bound included.
        at_least: whether the bound is a floor; a ceiling by default.
    """

    scenario: str
    row: str
    figure: str
    bound: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value is within the bound."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


TARGETS: Final = (
    Target("B1", "*", "operator_writes_per_object", 3),
    Target("B1", "*", "operator_reads_per_object", 1),
    Target("B1", "*", "operator_refused", 0),
    Target("B1", "*", "all_writes_but_deletions_per_object", 15.5),
    Target("B1", "*", "operator_cpu_ms_per_object", 4),
    Target("B1", "*", "memory_kib_per_object", 12),
    Target("B1", "5000 *", "children_share_of_plain_percent", 80, at_least=True),
    Target("B2", "*", "operator_writes_per_object", 3),
    Target("B2", "*", "operator_reads_per_object", 1),
    Target("B2", "*", "operator_refused", 0),
    Target("B2", "3 *", "all_writes_but_deletions_per_object", 16),
    Target("B2", "3 *", "operator_cpu_ms_per_object", 8),
    Target("B2", "3 *", "create_to_child_p50_ms", 6),
    Target("B2", "3 *", "create_to_child_p99_ms", 15),
    Target("B2", "3 *", "child_done_to_status_p50_ms", 6),
    Target("B2", "3 *", "child_done_to_status_p99_ms", 20),
    Target("B2", "10 *", "child_done_to_status_p99_ms", 50),
    Target("B3", "*", "operator_writes", 0),
    Target("B3", "*", "memory_kib_per_object", 12),
    Target("B4", "*", "ready_seconds", 10),
    Target("B4", "*", "operator_writes", 0),
    Target("B5", "killed *", "lost", 0),
    Target("B5", "killed *", "doubled", 0),
    Target("B5", "marker *", "killed_to_child_p50_seconds", 2),
    Target("B5", "hand-over, SIGTERM", "to_child_seconds", 3),
    Target("B5", "hand-over, SIGKILL*", "to_child_seconds", 20),
    Target("B9", "fit", "base_memory_mib", 60 * 10**6 / 2**20),
    Target("B9", "fit", "memory_kib_per_object", 12),
    Target("B10", "*", "operator_writes_per_object", 3),
    Target("B10", "*", "lost", 0),
    Target("B10", "*", "sooner_than_asked", 0),
    Target("B11", "*", "other_tenant_p99_seconds", 2),
    Target("B11", "*", "lease_transitions", 0),
    Target("B12", "* ends on SIGTERM", "eviction_to_all_ranks_max_seconds", 8),
    Target("B12", "* ignores SIGTERM", "eviction_to_all_ranks_max_seconds", 35),
)


def target(scenario: str, row: str, figure: str) -> Target | None:
    """The bound of a figure, if it has one."""
    return next(
        (
            found
            for found in TARGETS
            if found.scenario == scenario and found.figure == figure and fnmatch.fnmatchcase(row, found.row)
        ),
        None,
    )
