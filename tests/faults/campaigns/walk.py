# SPDX-License-Identifier: Apache-2.0
"""Walks segments of a campaign with one object, and judges every transition."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.errors import StatusError
from tests.faults.campaigns.edits import Edit, Expect
from tests.faults.campaigns.fresh import Fresh
from tests.faults.campaigns.judge import differences, mentions, refusal, told, well
from tests.faults.campaigns.place import Place, Rest
from tests.faults.campaigns.plan import Segment, Step
from tests.faults.campaigns.report import Results
from tests.faults.oracles import State

TOLD_WITHIN: Final = 10.0
"""Seconds within which nonsense has to be told."""

MARGIN: Final = 5.0
"""Seconds more that are allowed: the machine is shared with many other objects."""

ALIKE_WITHIN: Final = 10.0
"""Seconds that Kubernetes' own controllers have to bring children's statuses up to date."""


@dataclass(frozen=True)
class Taken:
    """A spec that the API server took.

    Attributes:
        rest: how the object came to rest.
    """

    rest: Rest


class Walker:
    """One object and its walk.

    Args:
        place: where it lives.
        fresh: what it is compared with.
        results: where the findings go.
    """

    def __init__(self, place: Place, fresh: Fresh, results: Results) -> None:
        self._place = place
        self._ground = place.ground
        self._fresh = fresh
        self._results = results
        self._base: State | None = None

    async def begin(self, base: Manifest) -> None:
        """Make the object; what it becomes is what every way back must lead to.

        Raises:
            AssertionError: it does not come to rest, is not well, or is not as others of its spec.
        """
        await self._place.put(base)
        rest = await self._place.settle()
        assert rest.obj is not None, "the base deletes itself"
        assert well(rest.obj), f"the base is not well: {rest.obj.get('status')}"
        self._base = await self._place.state()
        if found := differences(self._ground, await self._fresh.state(base), self._base):
            raise AssertionError(f"two objects of the same spec differ: {found[:5]}")

    async def walk(self, segment: Segment) -> bool:
        """Walk a segment; False where something was wrong."""
        failed = False
        for step in segment:
            try:
                failed |= not await self._transition(step)
            except AssertionError as error:
                failed = True
                self._fail(step, str(error))
                await self._start_again()
        return not failed

    async def _start_again(self) -> None:
        """After an object that does not do as it should, the next transition has a new one."""
        await self._place.clear()

    def _fail(self, step: Step, what: str) -> None:
        self._results.failures.append(f"{step.number} {step.edit.field} ({step.edit.why}): {what}")

    async def _transition(self, step: Step) -> bool:
        edit = step.edit
        outcome = await self._submit(edit)
        if isinstance(outcome, str):
            self._results.counts["refused" if not outcome else "failed"] += 1
            if outcome:
                self._fail(step, outcome)
            return not outcome
        if outcome is None:
            self._results.counts["admitted"] += 1
            return True
        return await self._judge(step, outcome)

    # -- submitting ------------------------------------------------------------------------

    async def _submit(self, edit: Edit) -> Taken | str | None:
        """Taken; None where it was only shown to admission; a refusal: empty, or what is wrong with it."""
        before = await self._place.current()
        began = time.monotonic()
        try:
            if before is not None and self._another_object(before, edit):
                await self._place.admits_new(edit.spec)
                if edit.live:
                    if wrong := await self._refused_as_update(edit, before):
                        return wrong
                    await self._place.clear()
            if edit.live or before is None or not self._another_object(before, edit):
                began = time.monotonic()
                await self._place.put(edit.spec, dry_run=not edit.live)
        except StatusError as error:
            if "immutable" in error.message and edit.expect in (Expect.TOLD, Expect.WELL) and before is not None:
                await self._place.clear()
                return await self._submit(edit)
            return await self._refused(edit, error, before)
        return await self._taken(edit, began) if edit.live else None

    async def _taken(self, edit: Edit, began: float) -> Taken | str:
        """How the object came to rest; or what is wrong."""
        if edit.expect is Expect.REFUSED:
            await self._place.settle()
            return "taken, though its schema rules it out"
        if edit.expect is Expect.TOLD:
            await self._until_told(edit, began)
        return Taken(await self._place.settle())

    def _another_object(self, before: Manifest, edit: Edit) -> bool:
        """Whether only a new object can have this spec."""
        ended = (before.get("status") or {}).get("phase") in self._ground.ended
        return ended or (self._ground.immutable and before["spec"] != edit.spec)

    async def _refused_as_update(self, edit: Edit, before: Manifest) -> str:
        """What is wrong where an immutable spec could be changed after all."""
        if not self._ground.immutable:
            return ""
        try:
            await self._place.put(edit.spec, dry_run=True)
        except StatusError as error:
            self._results.counts["refused"] += 1
            return refusal(error, edit) or ""
        return "" if await self._is_the_same(edit.spec, before) else "an immutable spec could be changed"

    async def _is_the_same(self, spec: Manifest, before: Manifest) -> bool:
        """Whether a spec is the stored one once defaults are filled in."""
        stored = await self._place.put(spec, dry_run=True)
        return bool(stored["spec"] == before["spec"])

    async def _refused(self, edit: Edit, error: StatusError, before: Manifest | None) -> str:
        if edit.expect not in (Expect.REFUSED, Expect.EITHER):
            return f"refused: {error.message[:300]}"
        after = await self._place.current()
        if before is not None and (after is None or after["spec"] != before["spec"]):
            return "refused, but the object changed"
        return refusal(error, edit) or ""

    async def _until_told(self, edit: Edit, began: float) -> None:
        while True:
            obj = await self._place.current()
            if obj is not None and told(obj, edit):
                self._results.slowest_told = max(self._results.slowest_told, time.monotonic() - began)
                return
            if time.monotonic() - began > TOLD_WITHIN + MARGIN:
                status = (obj or {}).get("status") or {}
                said = [
                    (entry["type"], entry["reason"], entry.get("message")) for entry in status.get("conditions") or ()
                ]
                raise AssertionError(
                    f"not told in {TOLD_WITHIN:.0f} s: expected {edit.reasons} with any of {edit.says}, found {said}"
                )
            await asyncio.sleep(0.05)

    # -- judging ---------------------------------------------------------------------------

    async def _judge(self, step: Step, taken: Taken) -> bool:
        edit, obj = step.edit, taken.rest.obj
        self._results.slowest = max(self._results.slowest, taken.rest.seconds)
        healthy = obj is None or well(obj)
        if edit.expect is Expect.TOLD and obj is not None and not told(obj, edit):
            raise AssertionError(f"was told, but is no more: {obj.get('status')}")
        if edit.expect is Expect.WELL and not healthy:
            raise AssertionError(f"not well: {(obj or {}).get('status')}")
        if edit.expect is Expect.EITHER and not healthy and obj is not None and not mentions(obj, edit):
            raise AssertionError(f"not well, without a word on it: {obj.get('status')}")
        if step.back:
            assert self._base is not None
            await self._alike(self._base, "the former spec does not give the former state")
            self._results.counts["rolled back"] += 1
            return True
        self._results.counts["told" if edit.expect is Expect.TOLD or not healthy else "well"] += 1
        if healthy and edit.expect is not Expect.TOLD and self._ground.alike(edit.spec):
            await self._alike(await self._fresh.state(edit.spec), "not as a fresh object of this spec")
            self._results.compared += 1
        return True

    async def _alike(self, expected: State, otherwise: str) -> None:
        began = time.monotonic()
        while found := differences(self._ground, expected, await self._place.state()):
            if time.monotonic() - began > ALIKE_WITHIN:
                raise AssertionError(f"{otherwise}: {'; '.join(found[:5])}")
            await asyncio.sleep(0.5)
