# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.mutants`: change one decision at a time, and list the changes that no unit test notices."""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.mutants import runner
from tests.mutants.catalog import ROOT, Ignored, dotted, ignored, modules, paths_of
from tests.mutants.mutations import Mutation, mutations

TELL_EVERY: Final = 25
"""Mutants after which the progress is printed."""

ALONE: Final = 300.0
"""Seconds that the tests of a mutant in a process of its own may take; one that takes longer counts as noticed."""


@dataclass(frozen=True)
class Mutant:
    """One mutation of one module, and whether a test noticed it."""

    module: Path
    mutation: Mutation
    noticed: bool | None = None

    def __str__(self) -> str:
        return f"{self.module}:{self.mutation.line}: {self.mutation.function}: {self.mutation.change}"

    def matches(self, entry: Ignored) -> bool:
        """Whether an entry of the list of ignored mutants means it."""
        mutation = self.mutation
        return (str(self.module), mutation.function, mutation.change) == (entry.module, entry.function, entry.change)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    made = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    made.add_argument("--module", action="append", metavar="GLOB", help="only these, e.g. '*/promotion/policies/*'")
    made.add_argument("--sample", type=int, metavar="N", help="at most so many mutants, drawn by seed")
    made.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    made.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="mutants side by side (default: cores)")
    made.add_argument("--list", action="store_true", help="print the mutants, and run none")
    made.add_argument("--output", type=Path, metavar="FILE", help="write the report as JSON, too")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 1 where a mutant survived that is not on the list of ignored ones, or could not run."""
    given = parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    found = wanted(given.module or ["*"])
    chosen = sample(found, given.sample, given.seed)
    if given.list:
        console.print("\n".join(map(str, chosen)), markup=False)
        return 0
    console.print(f"{len(chosen)} of {len(found)} mutants")
    runner.preload()
    began = time.monotonic()
    skip = ignored()
    running = [mutant for mutant in chosen if not any(map(mutant.matches, skip))]
    ran = run_all(running, given.at_once, console)
    survivors = [mutant for mutant in ran if not mutant.noticed]
    unused = [] if given.sample or given.module else [e for e in skip if not any(m.matches(e) for m in found)]
    for mutant in survivors:
        console.print(f"survived: {mutant}", markup=False)
    for entry in unused:
        console.print(f"ignored, but there is no such mutant: {entry}", markup=False)
    seconds = time.monotonic() - began
    noticed, skipped, left = len(ran) - len(survivors), len(chosen) - len(running), len(running) - len(ran)
    console.print(f"{noticed} noticed, {len(survivors)} survived, {skipped} ignored, {left} not run; {seconds:.0f} s")
    if given.output:
        given.output.write_text(json.dumps({"mutants": len(ran), "survivors": list(map(str, survivors))}, indent=2))
    return 1 if survivors or unused or left else 0


def wanted(globs: Iterable[str]) -> list[Mutant]:
    """All mutants of the modules that match one of `globs`."""
    chosen = [module for module in modules() if any(fnmatch(str(module), glob) for glob in globs)]
    return [Mutant(module, mutation) for module in chosen for mutation in mutations((ROOT / module).read_text())]


def sample(found: Sequence[Mutant], number: int | None, seed: int) -> list[Mutant]:
    """At most `number` mutants in their order, drawn by seed; all of them for None."""
    if number is None or number >= len(found):
        return list(found)
    drawn = sorted(random.Random(seed).sample(range(len(found)), number))
    return [found[index] for index in drawn]


def run_all(chosen: Sequence[Mutant], at_once: int, console: Console) -> list[Mutant]:
    """Run the tests of every mutant: those of the modules with the same tests together.

    The mutants of tests that fail without one are not among those that are returned.
    """
    done: list[Mutant] = []

    def end(mutant: Mutant, noticed: bool) -> None:
        done.append(replace(mutant, noticed=noticed))
        if not noticed:
            console.print(f"survived so far: {mutant}", markup=False)
        if len(done) % TELL_EVERY == 0:
            console.print(f"{len(done)} of {len(chosen)}")

    for tests, group in grouped(chosen):
        console.print(f"{tests[-1]}: {len(group)} mutants")
        rest: list[Mutant] = []

        def told(index: int, noticed: bool | None, group: list[Mutant] = group, rest: list[Mutant] = rest) -> None:
            if noticed is None:
                rest.append(group[index])
            else:
                end(group[index], noticed)

        try:
            runner.run_all(tests, [(mutant.module, mutant.mutation) for mutant in group], at_once=at_once, told=told)
        except RuntimeError as error:
            console.print(str(error), markup=False)
            continue
        with ThreadPoolExecutor(at_once) as pool:
            for mutant, outcome in zip(rest, pool.map(run_alone, rest), strict=True):
                end(mutant, outcome.noticed)
    return done


def grouped(chosen: Iterable[Mutant]) -> list[tuple[list[str], list[Mutant]]]:
    """Mutants by the folder of their tests, and the paths of all tests of each group."""
    groups: dict[str, list[Mutant]] = {}
    for mutant in chosen:
        groups.setdefault(paths_of(mutant.module)[-1], []).append(mutant)
    found = []
    for folder, group in groups.items():
        named = {path for mutant in group for path in paths_of(mutant.module)} - {folder}
        found.append(([*sorted(named), folder], group))
    return found


def run_alone(mutant: Mutant) -> runner.Outcome:
    """Run the tests of one mutant in a process that imports it anew."""
    return runner.run(
        paths_of(mutant.module),
        name=dotted(mutant.module),
        path=mutant.module,
        tree=mutant.mutation.tree,
        within=ALONE,
    )


if __name__ == "__main__":
    sys.exit(main())
