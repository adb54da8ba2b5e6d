# SPDX-License-Identifier: Apache-2.0
"""What a campaign has found, for people and for the report of all faults."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FILE: Final = "campaigns.json"


@dataclass
class Results:
    """One kind's.

    Attributes:
        seed: by which the transitions are drawn again.
        counts: transitions by what came of them.
        slowest: seconds until the operator was at rest after a transition, at most.
        slowest_told: seconds until nonsense was told, at most.
        compared: end states that were compared with those of a fresh object.
        failures: one sentence each, beginning with the number of the transition.
    """

    kind: str
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_told: float = 0.0
    compared: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def transitions(self) -> int:
        """All that were tried."""
        return self.counts.total()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kind": self.kind,
            "seed": self.seed,
            "transitions": self.transitions,
            "refused_at_admission": self.counts["refused"],
            "admitted_dry_run": self.counts["admitted"],
            "told_by_a_condition": self.counts["told"],
            "taken_and_well": self.counts["well"],
            "rolled_back": self.counts["rolled back"],
            "compared_with_a_fresh_object": self.compared,
            "slowest_convergence_seconds": round(self.slowest, 1),
            "slowest_told_seconds": round(self.slowest_told, 1),
            "seconds": round(self.seconds, 1),
            "failures": self.failures,
        }

    def line(self) -> str:
        """In one line."""
        counts = ", ".join(f"{number} {what}" for what, number in sorted(self.counts.items()))
        return (
            f"{self.kind} (seed {self.seed}): {self.transitions} transitions: {counts}; {self.compared} compared with "
            f"a fresh object; told within {self.slowest_told:.1f} s, at rest within {self.slowest:.1f} s; "
            f"{len(self.failures)} failures; {self.seconds:.0f} s"
        )


def write(found: list[Results], folder: Path) -> None:
    """Write `campaigns.json`; kinds that were not walked now stay as they were."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    known = {entry["kind"]: entry for entry in json.loads(file.read_text())["kinds"]} if file.exists() else {}
    known |= {results.kind: results.document() for results in found}
    file.write_text(json.dumps({"kinds": list(known.values())}, indent=2, ensure_ascii=False) + "\n")
