# SPDX-License-Identifier: Apache-2.0
"""What kstatus says of every state: its rules, and the table of the reference.

Every status that the unit tests and the model checks record is held against that table.
"""

from collections import Counter

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.docs.health import REASONS, STATES, Kstatus, gaps
from tests.harness.kstatus import kstatus, undocumented

WAITING = [
    ("ModelMonitor", "NoPredictionsYet"),
    ("ModelMonitor", "NothingServed"),
    ("ModelMonitor", "Monitoring"),
    ("RetrainPolicy", "Idle"),
    ("ModelDeployment", "AliasUnset"),
    ("Model", "AliasUnset"),
]
"""States in which nothing more happens before the world changes."""


def obj(*conditions: tuple[str, str], observed: int | None = 1, **metadata: str) -> Manifest:
    status: Manifest = {"conditions": [{"type": kind, "status": truth, "reason": "X"} for kind, truth in conditions]}
    if observed is not None:
        status["observedGeneration"] = observed
    return {"metadata": {"generation": 1, **metadata}, "status": status}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (obj(("Ready", "True")), "Current"),
        (obj(("Ready", "False")), "InProgress"),
        (obj(("Ready", "Unknown")), "InProgress"),
        (obj(("Reconciling", "True"), ("Stalled", "False"), ("Ready", "True")), "InProgress"),
        (obj(("Reconciling", "False"), ("Stalled", "True"), ("Ready", "True")), "Failed"),
        (obj(("Reconciling", "True"), ("Stalled", "True")), "InProgress"),
        (obj(("Ready", "True"), observed=-1), "InProgress"),
        (obj(("Ready", "True"), observed=None), "Current"),
        (obj(), "Current"),
        (obj(("Ready", "True"), deletionTimestamp="2026-01-01T00:00:00Z"), "Terminating"),
        ({"metadata": {"generation": 1}}, "Current"),
    ],
)
def test_the_rules(found: Manifest, expected: str) -> None:
    assert kstatus(found) == expected


def test_every_kind_is_in_the_table() -> None:
    assert {kind.kind for kind in KINDS} == set(STATES) == set(REASONS)


@pytest.mark.parametrize("kind", REASONS)
def test_every_reason_of_ready_is_in_the_table_once(kind: str) -> None:
    named = Counter(reason for state in STATES[kind] for reason in state.reasons)
    assert {reason for reason, count in named.items() if count > 1} == set()
    assert gaps(kind) == set()


@pytest.mark.parametrize(("kind", "reason"), WAITING)
def test_waiting_for_the_world_is_current(kind: str, reason: str) -> None:
    (state,) = (state for state in STATES[kind] if reason in state.reasons)
    assert state.kstatus[0] is Kstatus.CURRENT
    assert Kstatus.FAILED not in state.kstatus


def test_a_status_that_differs_from_the_table_is_found() -> None:
    stalled = {"type": "Stalled", "status": "True", "reason": "NoPredictionsYet"}
    ready = {"type": "Ready", "status": "True", "reason": "NoPredictionsYet"}
    assert undocumented("ModelMonitor", {"observedGeneration": 1, "conditions": [ready]}) == ""
    assert "kstatus says Failed" in undocumented(
        "ModelMonitor", {"observedGeneration": 1, "conditions": [stalled, ready]}
    )
