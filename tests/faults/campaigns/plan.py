# SPDX-License-Identifier: Apache-2.0
"""The transitions of one campaign: drawn from the schema and the kind's nonsense, the same for the same seed."""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from mlops_operator.api.meta import Manifest
from tests.faults.campaigns.edits import Edit, Expect
from tests.faults.campaigns.grounds import GROUNDS, Ground
from tests.faults.campaigns.values import changes, edit, edits

TRANSITIONS: Final = 200
"""Of a complete campaign, at least."""


@dataclass(frozen=True)
class Step:
    """One transition.

    Attributes:
        number: from 1, in the whole campaign.
        edit: the spec, and what has to come of it.
        back: whether it is the way back to the base, which must give the state that was.
    """

    number: int
    edit: Edit
    back: bool = False


Segment = tuple[Step, ...]
"""From the base and back to it: what is replayed to see one transition again."""


def merged(value: Any, change: Any) -> Any:
    """JSON merge patch (RFC 7396)."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(value) if isinstance(value, dict) else {}
    for key, entry in change.items():
        if entry is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), entry)
    return result


def nonsense(ground: Ground) -> list[Edit]:
    """What fits the schema and means nothing, and what must be said of it."""
    cases = ground.cases
    return [
        Edit(
            merged(cases["base"], case["change"]),
            case["field"],
            case["why"],
            Expect(case.get("expect", Expect.TOLD)),
            reasons=tuple(case.get("reasons", ())),
            says=tuple(case.get("says", ())),
        )
        for case in cases["nonsense"]
    ]


def campaign(ground: Ground, *, seed: int, transitions: int = TRANSITIONS) -> list[Segment]:
    """Segments of at least so many transitions in all.

    The smallest campaign draws some of the nonsense, larger ones begin with all of it.
    """
    drawn = random.Random(f"{ground.resource.kind} {seed}")
    base = Edit(ground.cases["base"], "spec", "the former spec", Expect.WELL)
    segments: list[Segment] = []
    number = 0
    for chosen in _chosen(ground, base.spec, drawn):
        steps = tuple(Step(number + place, one) for place, one in enumerate(chosen, start=1))
        segments.append((*steps, Step(number + len(steps) + 1, base, back=True)))
        number += len(steps) + 1
        if number >= transitions:
            break
    return segments


def _chosen(ground: Ground, base: Manifest, drawn: random.Random) -> Iterator[list[Edit]]:
    """Edits that are walked one after the other, without end."""
    found = edits(base, ground.schema)
    wrong = [one for one in found if one.expect is Expect.REFUSED]
    fitting = [one for one in found if one.expect is not Expect.REFUSED]
    meant = nonsense(ground)
    for pool in (wrong, fitting, meant):
        drawn.shuffle(pool)
    turn = 0
    while True:
        one = fitting[turn % len(fitting)]
        chosen = [_idle(ground, one), wrong[turn % len(wrong)]]
        if turn >= len(meant) or turn % 3 == 2:
            chosen.insert(1, _idle(ground, _another(ground, one, drawn)))
        if turn < len(meant):
            chosen.append(meant[turn])
        yield chosen
        turn += 1


def _another(ground: Ground, former: Edit, drawn: random.Random) -> Edit:
    """A second field changed on top of a first."""
    second = edit(former.spec, drawn.choice(changes(former.spec, ground.schema)))
    field = second.field if second.field == former.field else f"{former.field}, {second.field}"
    return replace(second, field=field, why=f"{former.why}; {second.why}", says=(*former.says, *second.says))


def _idle(ground: Ground, one: Edit) -> Edit:
    return one if ground.idle(one.spec) else replace(one, live=False)


def find(segments: Sequence[Segment], number: int) -> Segment:
    """The segment with this transition.

    Raises:
        LookupError: there is none.
    """
    for segment in segments:
        if any(step.number == number for step in segment):
            return segment
    raise LookupError(f"transition {number}: there are {segments[-1][-1].number}")


def dump(kind: str, segment: Segment) -> str:
    """A plan file that replays the segment, whatever generates campaigns by then."""
    steps = [
        {
            "number": step.number,
            "field": step.edit.field,
            "why": step.edit.why,
            "expect": step.edit.expect.value,
            "reasons": list(step.edit.reasons),
            "says": list(step.edit.says),
            "live": step.edit.live,
            "back": step.back,
            "spec": step.edit.spec,
        }
        for step in segment
    ]
    return yaml.safe_dump({"kind": kind, "steps": steps}, sort_keys=False, allow_unicode=True)


def load(file: Path) -> tuple[Ground, Segment]:
    """The plan that `dump` wrote."""
    document = yaml.safe_load(file.read_text())
    steps = tuple(
        Step(
            entry["number"],
            Edit(
                entry["spec"],
                entry["field"],
                entry["why"],
                Expect(entry["expect"]),
                tuple(entry["reasons"]),
                tuple(entry["says"]),
                entry["live"],
            ),
            entry["back"],
        )
        for entry in document["steps"]
    )
    return GROUNDS[document["kind"]], steps
