# SPDX-License-Identifier: Apache-2.0
"""The generation that a status has seen never goes back and never runs ahead."""

from collections.abc import Iterator

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import OWN
from tests.faults.history import History
from tests.faults.invariants.steps import by, status_of, steps


def check(history: History) -> Iterator[str]:
    """Every `observedGeneration`, of a status or of a condition, that goes back or is ahead."""
    for step in steps(history, *OWN):
        if step.after is None:
            continue
        now = _seen(step.after)
        then = _seen(step.before) if step.before is not None else {}
        generation = step.after["metadata"].get("generation", 1)
        for name, seen in now.items():
            if seen < then.get(name, seen):
                yield f"{step}: observedGeneration of {name} went back from {then[name]} to {seen}"
            if seen > generation:
                yield f"{step}: observedGeneration of {name} is {seen}, the object's generation only {generation}"
        if "the status" in then and "the status" not in now:
            yield f"{step}: observedGeneration of the status was {then['the status']} and is gone"


def _seen(obj: Manifest) -> dict[str, int]:
    status = status_of(obj)
    seen = {
        f"condition {name}": int(entry.get("observedGeneration", 0))
        for name, entry in by(status.get("conditions"), "type").items()
    }
    if status.get("observedGeneration") is not None:
        seen["the status"] = int(status["observedGeneration"])
    return seen
