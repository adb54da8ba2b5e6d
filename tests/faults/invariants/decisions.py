# SPDX-License-Identifier: Apache-2.0
"""What a RetrainPolicy has decided stays recorded, and what came of it stays as it was.

Of triggers that are skipped again and again for one reason the last is kept, with a count; of a
full list the oldest that are over may go.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.api.retrainpolicy import MAX_DECISIONS
from mlops_operator.kube.resources import RETRAIN_POLICIES
from tests.faults.history import History
from tests.faults.invariants.steps import Step, by, status_of, steps

_FIXED: Final = ("trigger", "moment", "time", "outcome", "reason")
"""Fields that a decision has from its beginning."""

_ONCE: Final = ("trainingJob", "modelVersion", "promotion", "result", "resultMessage", "completedAt")
"""Fields that are filled in once."""


def check(history: History) -> Iterator[str]:
    """Every decision that vanished, changed, or moved; and a last start that went back."""
    for step in steps(history, RETRAIN_POLICIES):
        if step.before is None or step.after is None:
            continue
        then, now = status_of(step.before), status_of(step.after)
        before, after = by(then.get("decisions"), "id"), by(now.get("decisions"), "id")
        for identity, former in before.items():
            found = after.get(identity)
            if found is None:
                yield from _vanished(step, former, after)
            else:
                yield from _changed(step, former, found)
        kept = [identity for identity in before if identity in after]
        if kept != [identity for identity in after if identity in before]:
            yield f"{step}: decisions have changed their order: {list(before)}, then {list(after)}"
        elif list(after)[: len(kept)] != kept:
            yield f"{step}: decisions were added before older ones: {list(before)}, then {list(after)}"
        if then.get("lastStarted") and (now.get("lastStarted") or "") < then["lastStarted"]:
            yield f"{step}: lastStarted went back from {then['lastStarted']} to {now.get('lastStarted')}"


def _vanished(step: Step, former: Manifest, after: Mapping[str, Manifest]) -> Iterator[str]:
    if former["outcome"] == "Skipped":
        again = [
            entry
            for entry in after.values()
            if (entry["trigger"], entry["reason"]) == (former["trigger"], former["reason"])
            and entry.get("count", 1) > former.get("count", 1)
        ]
        if again:
            return
    over = former["outcome"] == "Skipped" or former.get("result") is not None
    if not (over and len(after) == MAX_DECISIONS):
        yield f"{step}: the decision {former['id']} ({former['outcome']}, {former['trigger']}) is gone"


def _changed(step: Step, former: Manifest, found: Manifest) -> Iterator[str]:
    for field in _FIXED:
        if former.get(field) != found.get(field):
            yield f"{step}: {field} of the decision {former['id']} was {former.get(field)!r}, is {found.get(field)!r}"
    for field in _ONCE:
        if former.get(field) is not None and former[field] != found.get(field):
            yield f"{step}: {field} of the decision {former['id']} was {former[field]!r}, is {found.get(field)!r}"
