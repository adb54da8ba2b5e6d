# SPDX-License-Identifier: Apache-2.0
"""A ModelMonitor measures every window once, in order, and what it has measured stays as it was."""

from collections.abc import Iterator

from mlops_operator.api.modelmonitor import MAX_WINDOWS
from mlops_operator.kube.resources import MODEL_MONITORS
from tests.faults.history import History
from tests.faults.invariants.steps import Step, by, status_of, steps


def check(history: History) -> Iterator[str]:
    """Every window that vanished before its time, changed or came out of order; every reference that moved."""
    for step in steps(history, MODEL_MONITORS):
        if step.before is None or step.after is None:
            continue
        yield from _windows(
            step, status_of(step.before).get("windows") or [], status_of(step.after).get("windows") or []
        )
        yield from _references(step)


def _windows(step: Step, before: list[object], after: list[object]) -> Iterator[str]:
    added = next(
        (count for count in range(len(after) + 1) if (before + after[len(after) - count :])[-MAX_WINDOWS:] == after),
        None,
    )
    if added is None:
        yield f"{step}: windows are not the former ones with newer ones after them: {before}, then {after}"
    ends = [entry["end"] for entry in after if isinstance(entry, dict)]
    if ends != sorted(set(ends)):
        yield f"{step}: windows are not in the order of their times, each once: {ends}"


def _references(step: Step) -> Iterator[str]:
    assert step.before is not None
    assert step.after is not None
    after = by(status_of(step.after).get("references"), "metric")
    for metric, former in by(status_of(step.before).get("references"), "metric").items():
        found = after.get(metric)
        same = found is not None and all(found.get(key) == former.get(key) for key in ("version", "digest"))
        if former.get("complete") and same and found != former:
            yield f"{step}: the reference of {metric} was complete and changed from {former} to {found}"
