"""B1: many objects at once."""

from bench.figures import Figures
from bench.scenarios.common import Rows, Trial, play
from bench.workload import follow, names, warm_up


async def run(trial: Trial) -> Rows:
    """1,000 and 5,000 objects, each on a control plane of its own; 60 and 200 when quick."""
    sizes = (trial.size(1000, 60), trial.size(5000, 200))
    return {f"{size} at once": await burst(trial, size) for size in sizes}


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
