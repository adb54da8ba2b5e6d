# SPDX-License-Identifier: Apache-2.0
"""Oracles: the end of a run is judged by the ends of runs without faults, or by a former state of the same run."""

from tests.faults.oracles.counts import Counts, creations
from tests.faults.oracles.reference import Reference, UnstableReferenceError, compare
from tests.faults.oracles.state import State, end_state

__all__ = ["Counts", "Reference", "State", "UnstableReferenceError", "compare", "creations", "end_state"]
