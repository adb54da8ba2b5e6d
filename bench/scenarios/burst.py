# SPDX-License-Identifier: Apache-2.0
"""B1: many objects at once."""

from bench.figures import Figures
from bench.recorder import Mark
from bench.scenarios.common import Rows, Trial, play
from bench.workload import follow, names, until, warm_up
from localcluster.process import stop


async def run(trial: Trial) -> Rows:
    """1,000 and 5,000 objects, each on a control plane of its own; 60 and 200 when quick.

    The last row asks how fast the operator is where it has the API server to itself: the objects are there before it
    starts, and no pods are created for its Jobs.
    """
    sizes = (trial.size(1000, 60), trial.size(5000, 200))
    rows = {f"{size} at once": await burst(trial, size) for size in sizes}
    return rows | {f"{sizes[-1]} waiting, no pods": await backlog(trial, sizes[-1])}


async def burst(trial: Trial, size: int) -> Figures:
    """One burst, after the operator has come to rest."""
    async with play(trial) as scene:
        with scene.operator() as operator:
            ready = await operator.ready()
            await warm_up(scene, operator, trial.size(200, 20))
            figures = await follow(scene, operator, names("burst", size))
    rate = trial.plain_rates[-1]
    return {
        **figures,
        "ready_seconds": ready,
        "children_share_of_plain_percent": figures["children_per_second"] / rate * 100,
        "server_writes_share_of_plain_percent": figures["server_writes_per_second_meanwhile"] / rate * 100,
    }


async def backlog(trial: Trial, size: int) -> Figures:
    """Objects that wait for an operator, on a control plane whose Job controller has been stopped."""
    async with play(trial) as scene:
        job_controller = scene.cluster.process("controller-manager")
        assert job_controller is not None
        stop(job_controller)
        wanted = names("burst", size)
        await scene.load(wanted)
        with scene.operator() as operator, trial.progress.step(f"{size} children of objects that waited") as step:
            await operator.ready()
            before = scene.snapshot(operator)
            await until(scene, operator, wanted, Mark.CHILD, step)
            after = scene.snapshot(operator)
            usage = operator.usage()
            counts = await scene.calm()
    used = after.since(before)
    seconds = scene.recorder.last(wanted, Mark.CHILD) - scene.recorder.first(wanted, Mark.CHILD)
    return {
        "objects": size,
        "children_per_second": (size - 1) / seconds,
        "children_share_of_plain_percent": (size - 1) / seconds / trial.plain_rates[-1] * 100,
        "operator_writes_per_object": scene.count(counts, writes=True) / size,
        "operator_refused": scene.refused(counts),
        "operator_cpu_ms_per_object": usage.cpu_seconds * 1000 / size,
        "memory_peak_mib": usage.peak_bytes / 2**20,
        # The plain rate is what both cores can do together: what they do here beside it is what keeps from it.
        "cpu_cores_at_work": sum(used.values()) / (after.at - before.at),
        **{f"{name}_cpu_ms_per_object": used[name] * 1000 / size for name in ("apiserver", "etcd", "harness")},
    }
