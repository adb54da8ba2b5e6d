# SPDX-License-Identifier: Apache-2.0
"""Plans from reference runs: one for every point that was found, and every fault that can strike there."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final, get_args

from tests.faults.history import Write
from tests.faults.paths.base import Path
from tests.faults.plan import (
    Act,
    BadWatch,
    Clock,
    Crash,
    Delay,
    Fault,
    Hold,
    KillServer,
    LoseReply,
    Pause,
    Plan,
    Position,
    Refuse,
    Repeat,
    Slow,
    Stale,
)
from tests.faults.run import Outcome
from tests.faults.trace import Notice

ENDINGS: Final = get_args(BadWatch.model_fields["ending"].annotation)
FEW: Final = 8
"""Writes up to which every pair of (crash, older snapshot) is tried; beyond it the oldest and the latest two."""

SHORT_DELAY: Final = 2.0
LONG_DELAY: Final = 15.0
CONFLICT_SECONDS: Final = 12.0

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Point:
    """A write by its key and number."""

    key: str
    nth: int

    def __str__(self) -> str:
        return f"{self.key} #{self.nth}"


def points(references: Sequence[Outcome]) -> list[Point]:
    """The writes that every reference run made, in the order of the first.

    One that repeats a write after a conflict is none: whether somebody else changes the object in between is chance.
    """
    found = [[Point(write.key, write.nth) for write in outcome.history.writes] for outcome in references]
    chance = {point for outcome in references for point in _repeats(outcome.history.writes)}
    return [point for point in found[0] if point not in chance and all(point in others for others in found[1:])]


def by_chance(references: Sequence[Outcome]) -> list[Point]:
    """The writes of any reference run that are no points: nothing is made to strike there."""
    certain = set(points(references))
    found = {Point(write.key, write.nth): None for outcome in references for write in outcome.history.writes}
    return [point for point in found if point not in certain]


def awaited(fault: Fault) -> Iterator[Point]:
    """The writes without which a fault never fires; none for one that begins at once or with a notification."""
    if write := getattr(fault, "write", None):
        yield Point(write, getattr(fault, "nth", 1))
    if isinstance(fault, Stale):
        yield Point(fault.snapshot, fault.snapshot_nth)


def _repeats(writes: Sequence[Write]) -> Iterator[Point]:
    conflicts: set[str] = set()
    for write in writes:
        if write.key in conflicts:
            yield Point(write.key, write.nth)
        if write.code == 409:
            conflicts.add(write.key)


def plans(path: type[Path], references: Sequence[Outcome], *, every_ending: bool) -> list[Plan]:
    """All plans of a path.

    Args:
        path: the path.
        references: its runs without faults.
        every_ending: whether watches end in all the ways there are, or in two.
    """
    writes, heard = points(references), _heard(references)
    made = [
        *_crashes(path, writes),
        *_lost_replies(path, writes),
        *_holds(path, references),
        *_deliveries(path, heard),
        *_snapshots(path, writes),
        *_watches(path, heard, ENDINGS if every_ending else ("half-line", "error-410")),
        *_answers(path, writes),
        *_actions(path, writes),
        *_times(path, writes),
    ]
    made = [plan for plan in made if plan.faults[0].fault in path.faults]
    names = [plan.name for plan in made]
    assert len(set(names)) == len(names), sorted({name for name in names if names.count(name) > 1})
    return made


def server_plans(path: type[Path], references: Sequence[Outcome]) -> list[Plan]:
    """F10: for control planes that no other run shares."""
    return [
        _plan(path, f"kill {component} at {point}", KillServer(write=point.key, nth=point.nth, component=component))
        for point in points(references)
        for component in ("apiserver", "etcd")
    ]


def _plan(path: type[Path], what: str, *faults: Fault) -> Plan:
    return Plan(name=f"{path.name} {what}", path=path.name, faults=faults, counts=path.counted)


def _crashes(path: type[Path], writes: Sequence[Point]) -> Iterator[Plan]:
    for point in writes:
        for position in get_args(Position):
            yield _plan(path, f"crash {position} {point}", Crash(write=point.key, nth=point.nth, position=position))


def _lost_replies(path: type[Path], writes: Sequence[Point]) -> Iterator[Plan]:
    for point in writes:
        yield _plan(path, f"lose reply of {point}", LoseReply(write=point.key, nth=point.nth))


def were_told(hold: Hold, references: Sequence[Outcome]) -> list[bool]:
    """For each reference run, whether it was told of what is to be held back."""
    pair = (hold.resource, hold.name, hold.path, hold.value)
    return [pair in set(cancelled_pairs(outcome.notices)) for outcome in references]


def _holds(path: type[Path], references: Sequence[Outcome]) -> Iterator[Plan]:
    pairs = [set(cancelled_pairs(outcome.notices)) for outcome in references]
    for resource, name, where, value in sorted(set.intersection(*pairs)):
        for then in ("burst", "relist"):
            hold = Hold(resource=resource, name=name, path=where, value=value, then=then)
            yield _plan(path, f"hold {resource} {name} {where}={value} {then}", hold)


def cancelled_pairs(notices: Sequence[Notice]) -> Iterator[tuple[str, str, str, str]]:
    """One (resource, name, path, value) for each pair of a notification and the one that cancels it.

    A notification gives a path a value; the next one of the object in which the path has another
    value, or which says that the object is gone, cancels it. Of several paths that one pair sets and
    cancels, the first stands for all.
    """
    last: dict[tuple[str, str], tuple[int, dict[str, str]]] = {}
    since: dict[tuple[str, str, str], int] = {}
    sizes: defaultdict[tuple[str, str], set[str]] = defaultdict(lambda: {"0"})
    replicas = {notice.name.partition("~")[0] for notice in notices if "~" in notice.name}
    seen: set[tuple[str, str, int, int]] = set()
    for number, notice in enumerate(notices):
        key = (notice.resource, notice.name)
        if notice.resource == "pods" and notice.name.partition("~")[0] in replicas:
            continue  # which of several alike pods starts or ends first, and with how many notifications, is chance
        former = last.get(key, (0, {}))[1]
        facts = {} if notice.type == "DELETED" else notice.facts
        sizes[key].add(facts.get("spec.replicas", "0"))
        for where in sorted(former):
            if facts.get(where) != former[where]:
                began = since[(*key, where)]
                volatile = _volatile(where, former[where]) or _on_its_way(key[0], where, former[where], sizes[key])
                if (*key, began, number) not in seen and not volatile:
                    seen.add((*key, began, number))
                    yield *key, where, former[where]
        for where, value in facts.items():
            if former.get(where) != value:
                since[(*key, where)] = number
        last[key] = (number, facts)


def _volatile(where: str, value: str) -> bool:
    """Whether a value cannot be named in a plan because every run has another one: times, durations and UIDs."""
    return where.endswith("Seconds") or value.count("-") == 4 or "#" in value or _TIME.search(value) is not None


def _on_its_way(resource: str, where: str, value: str, sizes: Set[str]) -> bool:
    """Whether a value is a count of pods that come and go, of which a run sees some and not the others by chance.

    A Deployment's counts are sure to be seen only where they are what was asked for; a budget's are not even then,
    and the operator does not read them.
    """
    if not where.startswith("status."):
        return False
    if resource == "deployments" and where.lower().endswith("replicas"):
        return value not in sizes
    return resource == "poddisruptionbudgets"


def _heard(references: Sequence[Outcome]) -> set[str]:
    """The resources of which every run was told something; of others no line can be held back or cut."""
    return set.intersection(*({notice.resource for notice in outcome.notices} for outcome in references))


def _deliveries(path: type[Path], heard: set[str]) -> Iterator[Plan]:
    yield _plan(path, "repeat every line", Repeat())
    for resource in filter(heard.__contains__, path.resources):
        for seconds in (SHORT_DELAY, LONG_DELAY):
            yield _plan(path, f"delay {resource} {seconds:g} s", Delay(resource=resource, seconds=seconds))


def _snapshots(path: type[Path], writes: Sequence[Point]) -> Iterator[Plan]:
    for number, crash in enumerate(writes):
        older = range(number + 1) if len(writes) <= FEW else sorted({0, max(0, number - 1), number})
        for index in older:
            snapshot = writes[index]
            fault = Stale(write=crash.key, nth=crash.nth, snapshot=snapshot.key, snapshot_nth=snapshot.nth)
            yield _plan(path, f"restart after {crash} into the state before {snapshot}", fault)


def _watches(path: type[Path], heard: set[str], endings: Sequence[str]) -> Iterator[Plan]:
    for resource in path.resources:
        for ending in endings:
            if not ending.isdigit() and resource not in heard:
                continue
            if ending != "silent":  # takes longer than a run; tested on the process alone
                fault = BadWatch.model_validate({"resource": resource, "ending": ending})
                yield _plan(path, f"watch of {resource} {ending}", fault)


def _answers(path: type[Path], writes: Sequence[Point]) -> Iterator[Plan]:
    for point in writes:
        fault = Refuse(code=409, write=point.key, nth=point.nth, seconds=CONFLICT_SECONDS)
        yield _plan(path, f"conflicts from {point} on", fault)
    for code, retry_after in ((429, None), (429, 1), (500, None), (503, None)):
        for share in (0.1, 0.5, 1.0):
            fault = Refuse(code=code, retry_after=retry_after, share=share, only="all", seconds=10)
            if share < 1 or code != 500:
                fault = fault.model_copy(update={"write": writes[0].key})
            said = f"{code}{' with Retry-After' if retry_after else ''} for {share:.0%} of requests"
            yield _plan(path, said, fault)
    slow = writes[len(writes) // 2]
    yield _plan(path, f"slow from {slow} on", Slow(write=slow.key, nth=slow.nth, latency=30, seconds=1))


def _actions(path: type[Path], writes: Sequence[Point]) -> Iterator[Plan]:
    for action, like in path.actions.items():
        for point in writes:
            for position in ("before", "after"):
                fault = Act(write=point.key, nth=point.nth, position=position, action=action)
                name = f"{path.name} {action} {position} {point}"
                yield Plan(name=name, path=like or path.name, faults=(fault,), counts=False)


def _times(path: type[Path], writes: Sequence[Point]) -> Iterator[Plan]:
    for hours in (-1.0, 1.0):
        yield _plan(path, f"clock {hours:+g} h", Clock(hours=hours))
    for point in writes:
        yield _plan(path, f"pause before {point}", Pause(write=point.key, nth=point.nth, seconds=5))
    middle = writes[len(writes) // 2]
    yield _plan(path, f"long pause before {middle}", Pause(write=middle.key, nth=middle.nth, seconds=30))
