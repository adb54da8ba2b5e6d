# SPDX-License-Identifier: Apache-2.0
"""Objects created at once or at a rate, followed to their end, and what that cost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress

from bench.figures import Figures, quantile
from bench.loader import Loaded
from bench.operators import Operator
from bench.processes import Usage
from bench.recorder import Mark
from bench.stage import Snapshot, Stage
from bench.systems import NAMESPACE
from localcluster.progress import Step
from mlops_operator.kube.errors import NotFound
from tests.harness.audit import Request

PATIENCE = 60.0
"""Seconds that a run may take beside what it needs for each object."""
PER_OBJECT = 0.5
"""Seconds for each object: far more than it takes on a busy machine."""


async def warm_up(stage: Stage, operator: Operator, count: int) -> None:
    """Let the operator do its work a few times: what it loads and compiles then is a cost of its start."""
    await operator.ready()
    await follow(stage, operator, names("warm", count))


def names(prefix: str, count: int) -> list[str]:
    """Names of objects, in the order of their creation."""
    return [f"{prefix}-{number:05d}" for number in range(count)]


async def follow(
    stage: Stage,
    operator: Operator,
    wanted: Sequence[str],
    *,
    rate: float = 0.0,
    delete: bool = False,
    may_lose: bool = False,
) -> Figures:
    """Create objects, wait until all have succeeded and the operator rests, and count.

    Args:
        stage: where.
        operator: the process whose cost is asked for.
        wanted: names of the objects.
        rate: creations a second; 0 for as fast as the API server takes them.
        delete: whether each object is deleted when it has succeeded.
        may_lose: whether objects that do not succeed in time are counted as lost; times are those of the others then.

    Raises:
        RuntimeError: a process ended, or an object failed.
        TimeoutError: objects that must not be lost had time enough.
    """
    recorder = stage.recorder
    waiting = suppress(TimeoutError) if may_lose else nullcontext()
    stage.audit.skip()
    before, usage = stage.snapshot(operator), operator.usage()
    title = f"{len(wanted)} objects " + (f"at {rate:g} a second" if rate else "at once")
    with stage.progress.step(title) as step:
        async with _deleting(stage, enabled=delete):
            loading = asyncio.create_task(stage.load(wanted, rate=rate))
            try:
                with waiting:
                    await until(stage, operator, wanted, Mark.CHILD, step, rate=rate, loading=loading)
                position = stage.audit.position()
                loaded = await loading
                with waiting:
                    await until(stage, operator, wanted, Mark.DONE, step)
                if delete:
                    await until(stage, operator, wanted, Mark.GONE, step)
            finally:
                loading.cancel()
        while_children = stage.audit.read(position)
        counts = while_children + await stage.calm()
    done = [name for name in wanted if recorder.count([name], Mark.DONE)]
    children = recorder.last(done, Mark.CHILD) - loaded.began
    return {
        "objects": len(wanted),
        "lost": len(wanted) - len(done),
        "created_per_second": loaded.per_second,
        "children_per_second": len(done) / children,
        "server_writes_per_second_meanwhile": sum(n for request, n in while_children.items() if request.is_write)
        / children,
        "all_done_seconds": recorder.last(done, Mark.DONE) - loaded.began,
        **_requests(stage, counts, len(wanted)),
        **_latencies(stage, done),
        **_used(before, stage.snapshot(operator), usage, operator.usage(), len(wanted)),
    }


def _requests(stage: Stage, counts: Counter[Request], objects: int) -> Figures:
    return {
        "operator_writes_per_object": stage.count(counts, writes=True) / objects,
        "operator_reads_per_object": stage.count(counts, writes=False) / objects,
        "operator_refused": stage.refused(counts),
        "all_writes_but_deletions_per_object": sum(
            number for request, number in counts.items() if request.is_write and "delete" not in request.verb
        )
        / objects,
    }


def _latencies(stage: Stage, wanted: Sequence[str]) -> Figures:
    figures: Figures = {}
    for name, begin, end in (
        ("create_to_child", Mark.CREATED, Mark.CHILD),
        ("child_done_to_status", Mark.CHILD_DONE, Mark.DONE),
    ):
        spans = stage.recorder.spans_ms(wanted, begin, end)
        figures[f"{name}_p50_ms"] = quantile(spans, 0.5)
        figures[f"{name}_p99_ms"] = quantile(spans, 0.99)
    return figures


def _used(before: Snapshot, after: Snapshot, usage: Usage, end: Usage, objects: int) -> Figures:
    figures: Figures = {
        f"{name.replace('-', '_')}_cpu_ms_per_object": seconds * 1000 / objects
        for name, seconds in after.since(before).items()
    }
    figures["memory_before_mib"] = usage.resident_bytes / 2**20
    figures["memory_after_mib"] = end.resident_bytes / 2**20
    figures["memory_peak_mib"] = end.peak_bytes / 2**20
    figures["memory_kib_per_object"] = (end.resident_bytes - usage.resident_bytes) / 1024 / objects
    return figures


async def until(
    stage: Stage,
    operator: Operator,
    wanted: Sequence[str],
    mark: Mark,
    step: Step,
    *,
    rate: float = 0.0,
    share: float = 1.0,
    loading: asyncio.Task[Loaded] | None = None,
) -> None:
    """Wait until a share of the objects have the mark, as long as the processes that bring it about run.

    Raises:
        RuntimeError: one of them ended, or an object failed, or the process that creates the objects did.
        TimeoutError: objects that are created at this rate (0: at once) had time enough.
    """
    patient = PATIENCE + PER_OBJECT * len(wanted) + (len(wanted) / rate if rate else 0.0)
    waiting = asyncio.create_task(stage.recorder.until(wanted, mark, within=patient, share=share, tell=step.update))
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=1.0)
        if loading is not None and loading.done() and (error := loading.exception()) is not None:
            waiting.cancel()
            raise error
        if not waiting.done():
            for process in (operator, stage.executor, stage.scheduler):
                try:
                    process.require_alive()
                except RuntimeError:
                    waiting.cancel()
                    raise
    try:
        waiting.result()
    except TimeoutError as error:
        stuck = next(name for name in wanted if not stage.recorder.count([name], mark))
        raise TimeoutError(f"{error}; {await stage.account(stuck)}") from None


@asynccontextmanager
async def _deleting(stage: Stage, *, enabled: bool) -> AsyncIterator[None]:
    """Delete every object that has succeeded, while it is entered."""
    if not enabled:
        yield
        return
    finished: asyncio.Queue[str] = asyncio.Queue()
    stage.recorder.on_done = finished.put_nowait

    async def delete() -> None:
        while True:
            name = await finished.get()
            with suppress(NotFound):
                await stage.client.delete(stage.system.resource, namespace=NAMESPACE, name=name)

    task = asyncio.create_task(delete(), name="delete what is done")
    try:
        yield
    finally:
        stage.recorder.on_done = lambda _name: None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
