# SPDX-License-Identifier: Apache-2.0
"""What the conditions must say in each phase, so that the word in `kubectl get` and the conditions never contradict.

Tests call `contradictions` for every status that is written: the model checks of `tests/unit/modelcheck` for each plan
of each kind, in every state that they reach.
"""

from collections.abc import Mapping
from typing import Final

from mlops_operator.api.meta import Manifest

Expected = Mapping[str, frozenset[str]]
"""Statuses that a condition may have, by its type. `ABSENT` stands for a condition that is not there."""

ABSENT: Final = "absent"
TRUE, FALSE, UNKNOWN = frozenset({"True"}), frozenset({"False"}), frozenset({"Unknown"})
NOT_TRUE: Final = frozenset({"False", "Unknown", ABSENT})

AT_WORK: Final[Expected] = {"Ready": FALSE, "Complete": NOT_TRUE, "Failed": NOT_TRUE}
MEASURING: Final[Expected] = {"Ready": FALSE, "Reconciling": TRUE, "Stalled": FALSE}
DECIDING: Final[Expected] = {"Ready": FALSE, "Stalled": FALSE}
SERVING: Final[Expected] = {"Degraded": FALSE}

PHASES: Final[Mapping[str, Mapping[str, Expected]]] = {
    "TrainingJob": {
        "Pending": AT_WORK,
        "Running": {**AT_WORK, "Reconciling": TRUE},
        "Suspended": {**AT_WORK, "Reconciling": TRUE},
        "Retrying": {**AT_WORK, "Reconciling": TRUE},
        "Succeeded": {"Ready": TRUE, "Complete": TRUE, "Failed": NOT_TRUE, "Reconciling": FALSE, "Stalled": FALSE},
        "Failed": {"Ready": FALSE, "Complete": NOT_TRUE, "Failed": TRUE, "Reconciling": FALSE, "Stalled": TRUE},
    },
    "Model": {
        "Ready": {"Ready": TRUE, "Stalled": FALSE},
        "Degraded": {"Ready": FALSE},
        "Invalid": {"Ready": FALSE, "Stalled": TRUE},
    },
    "ModelVersion": {
        "Pending": {"Ready": FALSE, "Stalled": FALSE, "Rejected": NOT_TRUE},
        "Verifying": {"Ready": FALSE, "Reconciling": TRUE, "Rejected": NOT_TRUE},
        "Ready": {"Ready": TRUE, "Stalled": FALSE, "Rejected": NOT_TRUE},
        "Rejected": {"Stalled": FALSE, "Rejected": TRUE},
        "Failed": {"Ready": FALSE, "Stalled": TRUE},
        "Removing": {"Ready": FALSE, "Reconciling": TRUE, "Stalled": FALSE, "Rejected": NOT_TRUE},
        "Removed": {"Ready": FALSE, "Reconciling": FALSE, "Stalled": TRUE},
    },
    "Evaluation": {
        "Pending": MEASURING,
        "Running": MEASURING,
        "Succeeded": {"Ready": TRUE, "Reconciling": FALSE, "Stalled": FALSE},
        "Failed": {"Ready": FALSE, "Reconciling": FALSE, "Stalled": TRUE},
    },
    "Promotion": {
        "Pending": {**DECIDING, "GatePassed": NOT_TRUE},
        "Evaluating": {**DECIDING, "GatePassed": NOT_TRUE},
        "Promoting": {**DECIDING, "GatePassed": TRUE},
        "Promoted": {"Ready": TRUE, "GatePassed": TRUE, "Stalled": FALSE},
        "Rejected": {"Ready": FALSE, "GatePassed": NOT_TRUE, "Stalled": TRUE},
        "Superseded": {"Ready": FALSE, "Stalled": TRUE},
    },
    "ModelDeployment": {
        "Pending": {**SERVING, "Stalled": FALSE},
        "Stable": {**SERVING, "Ready": TRUE, "Progressing": FALSE},
        "RollingOut": {**SERVING, "Progressing": TRUE},
        "Degraded": {"Degraded": TRUE, "Progressing": FALSE},
        "Failed": {**SERVING, "Ready": FALSE, "Stalled": TRUE},
    },
    "ModelMonitor": {
        "Pending": {"Breached": UNKNOWN},
        "Healthy": {"Breached": FALSE},
        "Breached": {"Breached": TRUE},
        "Unknown": {"Breached": UNKNOWN},
        "Suspended": {"Ready": TRUE},
    },
    "RetrainPolicy": {
        "Idle": {},
        "Training": {},
        "Promoting": {},
        "Suspended": {},
        "HeldByUser": {},
        "CircuitOpen": {"Stalled": TRUE},
    },
}


def contradictions(kind: str, status: Manifest) -> list[str]:
    """One sentence for each condition that says something else than the phase, or than another condition."""
    phase = status.get("phase")
    if phase is None:
        return []
    conditions = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
    expected = PHASES[kind].get(phase)
    if expected is None:
        return [f"{kind}: phase {phase} is not in the table"]
    found = [
        f"{kind}: phase {phase}, {name}={conditions.get(name, ABSENT)}, expected {' or '.join(sorted(statuses))}"
        for name, statuses in expected.items()
        if conditions.get(name, ABSENT) not in statuses
    ]
    if conditions.get("Reconciling") == conditions.get("Stalled") == "True":
        found.append(f"{kind}: Reconciling and Stalled are both True")
    return found
