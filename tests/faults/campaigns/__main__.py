# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.faults.campaigns`: walk the kinds through their specs, or one transition again."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.faults.campaigns import report
from tests.faults.campaigns.grounds import GROUNDS, Ground
from tests.faults.campaigns.plan import TRANSITIONS, Segment, campaign, find, load
from tests.faults.campaigns.run import WALKERS, run, stage
from tests.harness.clusters import own_cluster

SEED: Final = 1


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    made = argparse.ArgumentParser(prog="python -m tests.faults.campaigns", description=__doc__)
    made.add_argument("--kind", action="append", choices=sorted(GROUNDS), help="only these kinds (default: all)")
    made.add_argument("--seed", type=int, default=SEED, help=f"of the draw (default: {SEED})")
    made.add_argument("--transitions", type=int, default=TRANSITIONS, help=f"at least so many (default: {TRANSITIONS})")
    made.add_argument("--transition", type=int, metavar="M", help="only the segment with this one, from base to base")
    made.add_argument("--plan", action="append", type=Path, default=[], metavar="FILE", help="replay these plan files")
    made.add_argument("--walkers", type=int, default=WALKERS, help=f"objects side by side (default: {WALKERS})")
    made.add_argument("--list", action="store_true", help="print the transitions, but walk none")
    made.add_argument("--output", type=Path, default=Path("faults-output"), help="folder of the results")
    return made


def _wanted(given: argparse.Namespace) -> Iterator[tuple[Ground, list[Segment]]]:
    if given.plan:
        for file in given.plan:
            ground, segment = load(file)
            yield ground, [segment]
        return
    for kind in given.kind or GROUNDS:
        segments = campaign(GROUNDS[kind], seed=given.seed, transitions=given.transitions)
        yield GROUNDS[kind], segments if given.transition is None else [find(segments, given.transition)]


async def _main(given: argparse.Namespace) -> int:
    wanted = list(_wanted(given))
    if given.list:
        for ground, segments in wanted:
            for step in (step for segment in segments for step in segment):
                edit = step.edit
                live = "" if edit.live else " (admission only)"
                print(f"{ground.resource.kind} {step.number}: {edit.field}: {edit.why}: {edit.expect}{live}")
        return 0
    found = []
    with own_cluster("campaigns") as cluster:
        async with stage(cluster) as shared:
            for ground, segments in wanted:
                results = await run(
                    shared, ground, segments, seed=given.seed, output=given.output, walkers=given.walkers
                )
                found.append(results)
                print(results.line(), *(f"  FAILED {failure}" for failure in results.failures), sep="\n", flush=True)
                if given.transition is None and not given.plan:
                    report.write([results], given.output)
    return 1 if any(results.failures for results in found) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(parser().parse_args())))
