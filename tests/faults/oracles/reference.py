# SPDX-License-Identifier: Apache-2.0
"""What a path ends like without faults, and what is different after others."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.oracles.counts import Counts
from tests.faults.oracles.state import Scalar, State

_LONGEST: Final = 300
"""Characters of a value that are shown."""

Masked = frozenset[tuple[str, str]]
"""Object and path of what is not compared; the object is empty for a count."""


class UnstableReferenceError(AssertionError):
    """Runs without faults do not end with the same objects: the path itself is not deterministic."""


@dataclass(frozen=True)
class Reference:
    """The end of a path, as several runs without faults agree on it.

    Attributes:
        state: of the first run.
        counts: creations and deletions of the first run.
        masked: what was not the same in all of them.
    """

    state: State
    counts: Counts
    masked: Masked

    @classmethod
    def of(cls, states: Sequence[State], counts: Sequence[Counts]) -> "Reference":
        """The reference that runs without faults make; at least two, since one shows nothing that varies.

        Raises:
            ValueError: fewer than two runs, or not as many counts as states.
            UnstableReferenceError: an object is not there in all runs.
        """
        if len(states) < 2 or len(states) != len(counts):
            raise ValueError(f"expected two runs or more, found {len(states)} states and {len(counts)} counts")
        odd = sorted(
            f"{name} is there at the end of {sum(name in state.objects for state in states)} of {len(states)} runs"
            for name in set().union(*(state.objects for state in states))
            if not all(name in state.objects for state in states)
        )
        if odd:
            raise UnstableReferenceError(f"runs without faults end differently: {'; '.join(odd)}")
        masked = {
            (name, path)
            for state in states[1:]
            for name, leaves in state.objects.items()
            for path in _unequal(states[0].objects[name], leaves)
        }
        masked |= {("", key) for other in counts[1:] for key in _unequal(counts[0], other)}
        return cls(states[0], counts[0], frozenset(masked))

    def differences(self, state: State, counts: Counts | None) -> list[str]:
        """One sentence for each thing that is not as it is without faults; counts are compared where given."""
        found = compare(self.state, state, masked=self.masked)
        if counts is not None:
            found += [
                f"{key}: expected {self.counts.get(key, 0)} times, found {counts.get(key, 0)}"
                for key in _unequal(self.counts, counts)
                if ("", key) not in self.masked
            ]
        return found

    def to_json(self) -> str:
        """As text, for later runs of the same session."""
        document = {"objects": self.state.objects, "counts": self.counts, "masked": sorted(self.masked)}
        return json.dumps(document, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Reference":
        """The reference that `to_json` wrote."""
        document = json.loads(text)
        masked = frozenset((name, path) for name, path in document["masked"])
        return cls(State(document["objects"]), document["counts"], masked)


def compare(expected: State, found: State, *, masked: Collection[tuple[str, str]] = frozenset()) -> list[str]:
    """One sentence for each difference between two states.

    Args:
        masked: object and path of what is not compared.
    """
    sentences = []
    for name in sorted({*expected.objects, *found.objects}):
        before, after = expected.objects.get(name), found.objects.get(name)
        if before is None:
            sentences.append(f"{name}: expected no such object, found one")
        elif after is None:
            sentences.append(f"{name}: expected this object, found none")
        else:
            sentences += [
                f"{name} {path}: expected {_shown(before, path)}, found {_shown(after, path)}"
                for path in _unequal(before, after)
                if (name, path) not in masked
            ]
    return sentences


def _unequal(before: Mapping[str, Scalar], after: Mapping[str, Scalar]) -> list[str]:
    """The keys under which two mappings differ, in order."""
    keys = sorted({*before, *after})
    return [key for key in keys if (key in before, before.get(key)) != (key in after, after.get(key))]


def _shown(leaves: Mapping[str, Scalar], path: str) -> str:
    """A value as a sentence shows it; of a long one the beginning."""
    if path not in leaves:
        return "nothing"
    text = json.dumps(leaves[path])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
