# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from tests.faults import invariants
from tests.faults.history import History
from tests.faults.invariants import INVARIANTS, violations
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story


def test_nothing_is_wrong_where_nothing_was() -> None:
    assert violations(History()) == []


def test_every_invariant_is_checked_once() -> None:
    folder = Path(invariants.__file__).parent
    written = {file.stem for file in folder.glob("*.py") if "\ndef check(" in file.read_text()}
    assert sorted(check.__module__.rpartition(".")[2] for check in INVARIANTS) == sorted(written)


def test_violations_of_all_invariants_are_told() -> None:
    story = Story()
    job = story.put(JOBS, make(JOBS, "by-hand", spec={}))
    story.delete(JOBS, job)
    story.put(TRAINING_JOBS, make(TRAINING_JOBS, "one", spec={}, status={"phase": "Failed"}))
    story.put(TRAINING_JOBS, make(TRAINING_JOBS, "one", spec={}, status={"phase": "Running"}))
    found = violations(story.history)
    assert len(found) == 2
    assert "changed after the end" in found[0]
    assert "expected an owner of ours" in found[1]
