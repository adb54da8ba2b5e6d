# SPDX-License-Identifier: Apache-2.0
"""A ModelVersion's number is given once and for good."""

from collections.abc import Iterator

from mlops_operator.kube.resources import MODELS
from tests.faults.history import History
from tests.faults.invariants.steps import status_of, steps


def check(history: History) -> Iterator[str]:
    """Every number that changed, was given twice, or was taken from a version that is listed no more."""
    given: dict[tuple[str, int], str] = {}
    numbers: dict[tuple[str, str], int] = {}
    for step in steps(history, MODELS):
        if step.after is None:
            continue
        status = status_of(step.after)
        latest = status.get("latestVersion", 0)
        former = status_of(step.before).get("latestVersion", 0) if step.before is not None else 0
        if latest < former:
            yield f"{step}: latestVersion went back from {former} to {latest}"
        for entry in status.get("versions") or ():
            number, uid = entry["number"], entry["uid"]
            holder = given.setdefault((step.uid, number), uid)
            if holder != uid:
                yield f"{step}: number {number} was given to {holder} and then to {uid}"
            known = numbers.setdefault((step.uid, uid), number)
            if known != number:
                yield f"{step}: {entry['name']} ({uid}) was number {known} and became {number}"
            if number > latest:
                yield f"{step}: {entry['name']} has number {number}, the latest is said to be {latest}"
