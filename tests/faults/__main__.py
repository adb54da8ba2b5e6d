# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.faults`: walk the paths, make the plans, run them, write the report."""

import argparse
import asyncio
import itertools
import random
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.faults import report, servers
from tests.faults.campaign import AT_ONCE, Campaign, Walked
from tests.faults.changed import changed_files, changed_paths, deep
from tests.faults.paths import PATHS
from tests.faults.plan import KillServer, Plan, dump, load
from tests.faults.planner import by_chance, plans, points, server_plans
from tests.faults.run import Outcome, ground
from tests.harness.clusters import own_cluster

REGRESSIONS: Final = Path(__file__).parent / "regressions"
EVERY_ENDING: Final = frozenset({"trainingjob/success", "modeldeployment/rollout"})
"""Paths on which watches end in all the ways there are."""
LIMIT: Final = 300
"""Plans of a run with --changed-since: some 15 minutes at 20 plans a minute on two cores."""
TOLD_EVERY: Final = 50
"""Plans after which a log, which shows no bar, is told how far it is."""


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    made = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    made.add_argument("--path", action="append", metavar="GLOB", help="only these paths, e.g. 'trainingjob/*'")
    made.add_argument("--fault", action="append", choices=sorted(report.FAULT_IDS), help="only these kinds of fault")
    made.add_argument("--name", action="append", metavar="GLOB", help="only plans called so")
    made.add_argument(
        "--plan", action="append", type=Path, metavar="FILE", help="replay these plan files and no others"
    )
    made.add_argument("--sample", type=int, metavar="N", help="of each path and kind of fault at most so many plans")
    made.add_argument(
        "--changed-since", metavar="REVISION", help="beside the sample plans of paths whose code differs from it"
    )
    made.add_argument("--limit", type=int, default=LIMIT, help=f"plans with --changed-since (default: {LIMIT})")
    made.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    made.add_argument("--at-once", type=int, default=AT_ONCE, help=f"runs side by side (default: {AT_ONCE})")
    made.add_argument("--list", action="store_true", help="walk the paths and print the plans, but run none")
    made.add_argument("--output", type=Path, default=Path("faults-output"), help="folder of the report")
    return made


def main() -> int:
    """Run the command line; 1 where a plan failed."""
    given = parser().parse_args()
    # The end of a run is orderly also when it is asked for with SIGTERM: control planes and operators are ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return asyncio.run(_main(given))
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped")
        return 130


async def _main(given: argparse.Namespace) -> int:
    console = Console()
    with own_cluster("faults") as cluster:
        async with ground(cluster) as shared:
            campaign = Campaign(shared, at_once=given.at_once)
            chosen = [
                path
                for name, path in PATHS.items()
                if not path.derived and any(fnmatch(name, glob) for glob in given.path or ["*"])
            ]
            walked = await asyncio.gather(*map(campaign.walk, [] if given.plan else chosen))
            wanted = [load(file) for file in given.plan] if given.plan else _wanted(given, walked, console)
            if given.list:
                console.print("\n".join(plan.name for plan in wanted), highlight=False)
                return 0
            outcomes = await _run(console, campaign, [plan for plan in wanted if not _own_ground(plan)], given.output)
            walks = await campaign.known(wanted, PATHS)
    if alone := [plan for plan in wanted if _own_ground(plan)]:
        with own_cluster("faults-servers") as cluster:
            async with ground(cluster, kill_server=partial(servers.kill, cluster)) as own:
                outcomes += await _run(console, Campaign(own, at_once=1, walked=walks), alone, given.output)
    usual = {name: entry.outcomes[0].writes for name, entry in walks.items()}
    chance = {name: list(map(str, by_chance(entry.outcomes))) for name, entry in sorted(walks.items())}
    document = report.document(outcomes, usual, _points(walks, outcomes), chance)
    report.write(document, given.output)
    console.print(report.page(document), markup=False, highlight=False)
    return 0 if document["green"] == document["plans"] else 1


def _wanted(given: argparse.Namespace, walked: Iterable[Walked], console: Console) -> list[Plan]:
    made = [load(file) for file in sorted(REGRESSIONS.glob("*.yaml"))]
    for entry in walked:
        made += plans(entry.path, entry.outcomes, every_ending=entry.path.name in EVERY_ENDING)
        if entry.path.name in EVERY_ENDING:
            made += server_plans(entry.path, entry.outcomes)
    made = [
        plan
        for plan in made
        if (not given.fault or report.fault_of(plan) in given.fault)
        and (not given.name or any(fnmatch(plan.name, glob) for glob in given.name))
        and any(fnmatch(plan.path, glob) for glob in given.path or ["*"])
    ]
    if not given.sample:
        return made
    sampled = sample(made, given.sample, given.seed)
    if not given.changed_since:
        return sampled
    changed = changed_paths(changed_files(given.changed_since), PATHS)
    chosen = deep(sampled, made, changed, limit=given.limit, seed=given.seed)
    affected = sum(plan.path in changed for plan in made)
    run = sum(plan.path in changed for plan in chosen)
    console.print(f"{run} of {affected} plans of {len(changed)} changed paths, {len(chosen)} plans in all")
    return chosen


def sample(made: Sequence[Plan], number: int, seed: int) -> list[Plan]:
    """At most `number` plans of each path and kind of fault, drawn by seed."""
    groups: defaultdict[tuple[str, str], list[Plan]] = defaultdict(list)
    for plan in made:
        groups[plan.path, report.fault_of(plan)].append(plan)
    drawn = random.Random(seed)
    return [plan for _, group in sorted(groups.items()) for plan in drawn.sample(group, min(number, len(group)))]


def _own_ground(plan: Plan) -> bool:
    return any(isinstance(fault, KillServer) for fault in plan.faults)


async def _run(console: Console, campaign: Campaign, wanted: Sequence[Plan], folder: Path) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("plans", total=len(wanted))
        done = itertools.count(1)

        def notify(outcome: Outcome) -> None:
            progress.advance(bar)
            if (number := next(done)) % TOLD_EVERY == 0 and not console.is_terminal:
                progress.console.print(f"{number} of {len(wanted)} plans", highlight=False)
            if outcome.failures:
                keep_failure(outcome, folder)
                progress.console.print(f"{outcome.plan.name}: {outcome.failures[0][:300]}", markup=False)

        campaign.notify = notify
        return await campaign.run(wanted, PATHS)


def keep_failure(outcome: Outcome, folder: Path) -> None:
    """Keep what a failed plan needs to be replayed and understood: its file, its failures, the operator's log."""
    name = "".join(letter if letter.isalnum() else "-" for letter in outcome.plan.name)[:150]
    folder = folder / "failed"
    folder.mkdir(parents=True, exist_ok=True)
    dump(outcome.plan, folder / f"{name}.yaml")
    writes = [f"{write.at:.3f} {write.key} #{write.nth} {write.code}" for write in outcome.history.writes]
    (folder / f"{name}.txt").write_text("\n".join([*outcome.failures, "", *writes]) + "\n")
    if outcome.log.exists():
        (folder / f"{name}.log").write_text(outcome.log.read_text())


def _points(walked: dict[str, Walked], outcomes: Sequence[Outcome]) -> dict[str, tuple[int, int]]:
    """For each path: crash points (write and position) that a plan struck, of those that were found."""
    struck = {outcome.plan.name for outcome in outcomes}
    found = {}
    for name, entry in walked.items():
        crashes = [
            plan for plan in plans(entry.path, entry.outcomes, every_ending=False) if report.fault_of(plan) == "crash"
        ]
        assert len(crashes) == 3 * len(points(entry.outcomes))
        found[name] = (sum(plan.name in struck for plan in crashes), len(crashes))
    return found


if __name__ == "__main__":
    sys.exit(main())
