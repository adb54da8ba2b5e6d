# SPDX-License-Identifier: Apache-2.0
"""B5: the operator is killed, in the middle of a burst and at rest; and replicas that hand over."""

from collections.abc import Sequence

from bench.figures import Figures, quantile
from bench.operators import Operator
from bench.recorder import Mark
from bench.scenarios.common import Rows, Trial, play
from bench.stage import Stage
from bench.systems import HOLD, OPERATOR_NAMESPACE
from bench.workload import names, until, warm_up
from mlops_operator.kube.leases import read_lease
from mlops_operator.kube.resources import PODS
from mlops_operator.runtime.manager import LEASE_NAME

REPLICAS = ("mlops-operator-0", "mlops-operator-1")


async def run(trial: Trial) -> Rows:
    """Killed at half of 1,000 objects (100 when quick), then five times at rest (twice), then two replicas."""
    count, kills = trial.size(1000, 100), trial.size(5, 2)
    async with play(trial) as scene:
        for identity in REPLICAS:
            await _make_pod(scene, identity)
        with scene.operator() as operator:
            await warm_up(scene, operator, trial.size(200, 20))
            rows = {f"killed at half of {count}": await _killed_in_burst(scene, operator, names("burst", count))}
        rows[f"marker after a SIGKILL, {kills} times"] = await _killed_at_rest(scene, kills)
        if scene.system.elects:
            rows |= await _hand_over(scene)
    return rows


async def _killed_in_burst(scene: Stage, operator: Operator, wanted: Sequence[str]) -> Figures:
    scene.audit.skip()
    with scene.progress.step(f"{len(wanted)} objects, killed at half") as step:
        await scene.load(wanted)
        await until(scene, operator, wanted, Mark.CHILD, step, share=0.5)
        killed = operator.kill()
        had_child = scene.recorder.count(wanted, Mark.CHILD)
        with scene.operator() as again:
            ready = await again.ready()
            await until(scene, again, wanted, Mark.DONE, step)
            counts = await scene.calm()
    children = [len(scene.recorder.children[name]) for name in wanted]
    return {
        "objects": len(wanted),
        "had_a_child_when_killed": had_child,
        "ready_seconds": ready,
        "killed_to_all_done_seconds": scene.recorder.last(wanted, Mark.DONE) - killed,
        "lost": sum(number == 0 for number in children),
        "doubled": sum(number > 1 for number in children),
        "operator_writes_per_object": scene.count(counts, writes=True) / len(wanted),
        "operator_reads_per_object": scene.count(counts, writes=False) / len(wanted),
        "operator_refused": scene.refused(counts),
    }


async def _killed_at_rest(scene: Stage, kills: int) -> Figures:
    """From the SIGKILL to the child of an object that is created meanwhile; the same identity starts again at once."""
    spans = []
    for number in range(kills):
        with scene.progress.step("killed at rest, started again"), scene.operator() as operator:
            await operator.ready()
            await scene.calm()
            killed = operator.kill()
            with scene.operator() as again:
                spans.append(await _marker(scene, again, f"{HOLD}-rest-{number}", since=killed))
    return {"killed_to_child_p50_seconds": quantile(spans, 0.5), "killed_to_child_max_seconds": max(spans)}


async def _hand_over(scene: Stage) -> Rows:
    """From the leader's end to the child of an object that is created at that moment."""
    rows: Rows = {}
    for label, gently, pod_stays in (
        ("SIGTERM", True, True),
        ("SIGKILL, its pod deleted", False, False),
        ("SIGKILL, its pod stays", False, True),
    ):
        with scene.progress.step(f"hand over after {label}"):
            span = await _replaced(scene, f"{HOLD}-hand-over-{len(rows)}", gently=gently, pod_stays=pod_stays)
        rows[f"hand-over, {label}"] = {"to_child_seconds": span}
    return rows


async def _replaced(scene: Stage, marker: str, *, gently: bool, pod_stays: bool) -> float:
    """Two replicas, one of which leads; seconds from its end to the work of the other."""
    with scene.operator(identity=REPLICAS[0]) as one, scene.operator(identity=REPLICAS[1]) as other:
        for replica in (one, other):
            await replica.ready()
        await scene.calm()
        leader, follower, identity = (
            (one, other, REPLICAS[0]) if await _leads(scene, REPLICAS[0]) else (other, one, REPLICAS[1])
        )
        ended = leader.terminate() if gently else leader.kill()
        if not pod_stays:
            await scene.client.delete(PODS, namespace=OPERATOR_NAMESPACE, name=identity)
        span = await _marker(scene, follower, marker, since=ended)
        if not pod_stays:
            await _make_pod(scene, identity)
    return span


async def _marker(scene: Stage, operator: Operator, name: str, *, since: float) -> float:
    """Create an object; seconds from a moment until it has its child. It is held, so nothing else happens to it."""
    await scene.client.create(scene.system.resource, scene.system.manifest(name))
    with scene.progress.step("wait for the marker's child") as step:
        await until(scene, operator, [name], Mark.CHILD, step)
    return scene.recorder.at(name, Mark.CHILD) - since


async def _leads(scene: Stage, identity: str) -> bool:
    lease = await read_lease(scene.client, namespace=OPERATOR_NAMESPACE, name=LEASE_NAME)
    return lease is not None and lease.holder == identity


async def _make_pod(scene: Stage, identity: str) -> None:
    """The pod of a replica: its existence determines whether the other replicas may take its lease."""
    pod = PODS.manifest(name=identity, namespace=OPERATOR_NAMESPACE)
    pod["spec"] = {"containers": [{"name": "operator", "image": "example.test/operator:1"}]}
    await scene.client.create(PODS, pod)
