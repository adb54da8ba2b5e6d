# SPDX-License-Identifier: Apache-2.0
"""The reconcile loop of one kind: take a key, observe, plan, execute, and schedule the requeue."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.errors import ApiError, StatusError
from mlops_operator.runtime import metrics
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.store import Change
from mlops_operator.runtime.cache.watch import Watch
from mlops_operator.runtime.slices import Slices
from mlops_operator.runtime.work.answers import NamespaceEnding, Rejected, target
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.executor import Executor, NotLeading, Outdated
from mlops_operator.runtime.work.internal_error import UNEXPECTED_ERRORS, internal_error, recovered, without_report
from mlops_operator.runtime.work.plan import Plan, Read, Rejection
from mlops_operator.runtime.work.queue import LONGEST_RETRY, Priority, WorkQueue
from mlops_operator.runtime.work.reads import Reads

LONGEST_FAULT_RETRY: Final = 10.0
"""Seconds between tries while the API server is at fault: when it is well again, no key waits longer."""

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The wall clock, to whole seconds: the resolution of every time in a status."""
    return datetime.now(UTC).replace(microsecond=0)


async def _raising(error: Exception) -> Plan | None:
    """A reconciliation that failed before it had anything to wait for."""
    raise error


class Reconciler:
    """Drives one controller.

    Args:
        controller: the kind.
        cache: what plans are computed from.
        reads: answers the reads a plan asks for.
        executor: for what a plan wants done.
        slots: bounds the reconciliations at work in the whole process.
        now: the wall clock.
        clock: seconds, monotonic, by which the work is sliced.
    """

    def __init__(
        self,
        controller: Controller,
        *,
        cache: Cache,
        reads: Reads,
        executor: Executor,
        slots: asyncio.Semaphore,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = controller.resource.kind.lower()
        self.queue = WorkQueue(self.name)
        self._controller = controller
        self._cache = cache
        self._reads = reads
        self._executor = executor
        self._concurrency = slots
        self._now = now
        self._clock = clock
        self._unexpected: dict[Key, int] = {}  # unexpected errors in a row
        self._refused: dict[Key, tuple[object, ...]] = {}  # the refusal that was logged last, until there is none
        self._tasks: set[asyncio.Task[None]] = set()
        self._results = {
            result: metrics.RECONCILE_TOTAL.labels(self.name, result)
            for result in ("success", "error", "requeue", "requeue_after")
        }
        self._errors = metrics.RECONCILE_ERRORS.labels(self.name)
        self._seconds = metrics.RECONCILE_SECONDS.labels(self.name)
        self._active = metrics.ACTIVE_WORKERS.labels(self.name)
        cache.subscribe(controller.resource, self._own_changed)
        for watch in controller.watches:
            cache.subscribe(watch.resource, self._enqueuer(watch))

    def resync(self) -> None:
        """Enqueue every object with low priority."""
        for key in self._cache.store(self._controller.resource):
            self.queue.add(key, Priority.LOW)

    async def run(self) -> None:
        """Reconcile keys of the queue until cancelled; `drain` waits for the reconciliations under way."""
        slices = Slices(clock=self._clock)
        while True:
            if slices.over:
                await slices.pause()
            key = await self.queue.get()
            await self._concurrency.acquire()
            started = time.monotonic()
            rest = self._start(key)
            if rest is not None:
                task = asyncio.create_task(self._carry_out(key, rest, started), name=f"reconcile {self.name} {key}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for the reconciliations under way."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    # -- one key ---------------------------------------------------------------------------

    def _start(self, key: Key) -> Coroutine[Any, Any, Plan | None] | None:
        """Plan for one object; returns what remains to be awaited, or None where the key is done."""
        started = time.monotonic()
        try:
            rest = self._begin(key)
        except Exception as error:
            rest = _raising(error)
        if isinstance(rest, Coroutine):
            self._active.inc()
            return rest
        self._finish(key, self._settle(key, rest), started)
        return None

    async def _carry_out(self, key: Key, rest: Coroutine[Any, Any, Plan | None], started: float) -> None:
        result = "error"
        try:
            result = self._settle(key, await rest)
        except Exception as error:
            result = await self._failed(key, error)
        finally:
            self._active.dec()
            self._finish(key, result, started)

    def _finish(self, key: Key, result: str, started: float) -> None:
        self._concurrency.release()
        self.queue.done(key)
        self._seconds.observe(time.monotonic() - started)
        self._results[result].inc()
        if result == "error":
            self._errors.inc()

    def _begin(self, key: Key) -> Coroutine[Any, Any, Plan | None] | Plan | None:
        """The plan where it wants nothing done, None where there is nothing to plan for, or else the rest to do."""
        obj = self._object(key)
        if obj is None:
            return None
        now = self._now()
        if wanted := self._controller.reads(without_report(obj), self._cache, now):
            return self._read_and_execute(key, wanted)
        plan = self._plan(obj, {}, now)
        return self._execute(key, obj, plan, now) if self._executor.has_work(obj, plan) else plan

    async def _read_and_execute(self, key: Key, wanted: Sequence[Read]) -> Plan | None:
        reads = await self._reads.answer(wanted)
        obj = self._object(key)  # it may have changed while we read
        if obj is None:
            return None
        now = self._now()
        plan = self._plan(obj, reads, now)
        return await self._execute(key, obj, plan, now)

    def _plan(self, obj: Manifest, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        return recovered(obj, self._controller.plan(without_report(obj), self._cache, reads, now))

    async def _execute(self, key: Key, obj: Manifest, plan: Plan, now: datetime) -> Plan:
        """Carry out the plan, or the one for its rejection; returns the one that was carried out."""
        resource = self._controller.resource
        try:
            await self._executor.execute(resource, obj, plan, now=now)
            self._refused.pop(key, None)
        except Rejected as rejected:
            self._note_rejection(key, rejected.rejection)
            plan = recovered(obj, self._controller.rejected(without_report(obj), rejected.rejection, now))
            await self._executor.report(resource, obj, plan, now=now)
        return plan

    def _object(self, key: Key) -> Manifest | None:
        """The object that is to be planned for, if it is there and not on its way out."""
        obj = self._cache.get(self._controller.resource, key)
        return obj if obj is not None and "deletionTimestamp" not in obj["metadata"] else None

    def _settle(self, key: Key, plan: Plan | None) -> str:
        self._unexpected.pop(key, None)
        if plan is None:
            self._refused.pop(key, None)
            self.queue.forget(key)
            return "success"
        self.queue.succeeded(key)
        self.queue.schedule(key, plan.requeue_after)
        return "success" if plan.requeue_after is None else "requeue_after"

    async def _failed(self, key: Key, error: Exception) -> str:
        """What to do about a reconciliation that failed; returns the result as metrics name it."""
        if isinstance(error, NotLeading):
            return "requeue"  # the process is about to end
        if isinstance(error, NamespaceEnding):
            self.queue.forget(key)
            return "success"
        if isinstance(error, Outdated):
            self.queue.retry(key, at_most=LONGEST_FAULT_RETRY)
            return "requeue"
        if isinstance(error, ApiError):
            asked = (error.retry_after or 0.0) if isinstance(error, StatusError) else 0.0
            delay = self.queue.retry(key, at_least=asked, at_most=LONGEST_FAULT_RETRY)
            logger.warning("request failed", extra=self._about(key, error=str(error), retry_in=round(delay, 3)))
            return "error"
        count = self._unexpected[key] = self._unexpected.get(key, 0) + 1
        metrics.INTERNAL_ERRORS.labels(self.name, type(error).__name__).inc()
        reported = count >= UNEXPECTED_ERRORS and await self._report(key, error)
        delay = self.queue.retry(key, at_least=LONGEST_RETRY if reported else 0.0)
        logger.error("reconcile failed", exc_info=error, extra=self._about(key, retry_in=round(delay, 3)))
        return "error"

    async def _report(self, key: Key, error: Exception) -> bool:
        """Write the internal error into the object's status; returns whether it is there."""
        obj, now = self._object(key), self._now()
        if obj is None:
            return False
        try:
            await self._executor.report(self._controller.resource, obj, internal_error(obj, error, now), now=now)
        except Exception as failure:
            logger.warning("internal error not reported", extra=self._about(key, error=str(failure)))
            return False
        return True

    def _note_rejection(self, key: Key, rejection: Rejection) -> None:
        """Count the refusal. It is logged as a warning once: each retry that is refused in the same way is a detail."""
        metrics.REJECTIONS.labels(self.name, str(rejection.code), rejection.reason).inc()
        cause = (type(rejection.action), target(rejection.action), rejection.code, rejection.reason, rejection.message)
        level = logging.DEBUG if self._refused.get(key) == cause else logging.WARNING
        self._refused[key] = cause
        logger.log(
            level,
            "action refused",
            extra=self._about(
                key,
                action=type(rejection.action).__name__,
                child=str(rejection.action.resource),
                code=rejection.code,
                reason=rejection.reason,
                error=rejection.message,
            ),
        )

    # -- enqueuing ------------------------------------------------------------------------

    def _own_changed(self, change: Change) -> None:
        self._enqueue(change.key, change, Priority.NORMAL)

    def _enqueue(self, key: Key, change: Change, priority: Priority) -> None:
        if change.by != (self._controller.resource, key):
            self.queue.add(key, Priority.LOW if change.initial else priority)

    def _enqueuer(self, watch: Watch) -> Callable[[Change], None]:
        """A listener that enqueues the keys that a change of a watched object concerns, as it was and as it is."""

        def enqueue(change: Change) -> None:
            try:
                ended = change.new is not None and watch.ended(change.new)
                priority = Priority.COMPLETION if ended else Priority.NORMAL
                for key in watch.concerned(change.old, change.new, self._cache):
                    self._enqueue(key, change, priority)
            except Exception:
                # A mapping that fails would lose the change; enqueuing every object loses nothing.
                self._errors.inc()
                logger.exception(
                    "watch mapping failed",
                    extra={"controller": self.name, "resource": str(watch.resource), "object": str(change.key)},
                )
                self.resync()

        return enqueue

    def _about(self, key: Key, **more: object) -> dict[str, object]:
        return {"controller": self.name, "object": str(key), **more}
