# SPDX-License-Identifier: Apache-2.0
"""Runs without faults, made up of the writes that count."""

from collections import Counter

from tests.faults.history import History, Write
from tests.faults.plan import Plan
from tests.faults.run import Outcome


def walked(*writes: tuple[str, int]) -> Outcome:
    """A run that made these writes, by key and answer."""
    counts: Counter[str] = Counter()
    history = History()
    for key, code in writes:
        counts[key] += 1
        verb, resource, name = key.split()
        history.writes.append(
            Write(
                key=key, nth=counts[key], verb=verb, resource=resource, subresource="", name=name, body={}, at=0.0,
                namespace="ns", code=code,
            )
        )  # fmt: skip
    return Outcome(Plan(name="undisturbed", path="p", faults=()), history=history)
