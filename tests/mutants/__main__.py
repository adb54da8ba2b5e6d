"""`python -m tests.mutants`: change one decision at a time, and list the changes that no unit test notices."""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.mutants import runner
from tests.mutants.catalog import ROOT, Ignored, dotted, ignored, modules, paths_of
from tests.mutants.mutations import Mutation, mutations

TELL_EVERY: Final = 25
"""Mutants after which the progress is printed."""


@dataclass(frozen=True)
class Mutant:
    """One mutation of one module, and how its tests ended."""

    module: Path
    mutation: Mutation
    outcome: runner.Outcome | None = None

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
    """Run the command line; 1 where a mutant survived that is not on the list of ignored ones."""
    given = parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    found = wanted(given.module or ["*"])
    chosen = sample(found, given.sample, given.seed)
    if given.list:
        console.print("\n".join(map(str, chosen)), markup=False)
        return 0
    console.print(f"{len(chosen)} of {len(found)} mutants")
    runner.preload()
    began = time.monotonic()
    usual = baselines(chosen, console)
    skip = ignored()
    ran = run_all([mutant for mutant in chosen if not any(map(mutant.matches, skip))], usual, given.at_once, console)
    survivors = [mutant for mutant in ran if mutant.outcome is not None and not mutant.outcome.noticed]
    unused = [] if given.sample or given.module else [e for e in skip if not any(m.matches(e) for m in found)]
    for mutant in survivors:
        console.print(f"survived: {mutant}", markup=False)
    for entry in unused:
        console.print(f"ignored, but there is no such mutant: {entry}", markup=False)
    seconds = time.monotonic() - began
    noticed, skipped = len(ran) - len(survivors), len(chosen) - len(ran)
    console.print(f"{noticed} noticed, {len(survivors)} survived, {skipped} ignored; {seconds:.0f} s")
    if given.output:
        given.output.write_text(json.dumps({"mutants": len(ran), "survivors": list(map(str, survivors))}, indent=2))
    return 1 if survivors or unused else 0


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


def baselines(chosen: Sequence[Mutant], console: Console) -> dict[Path, float]:
    """Seconds that the tests of each module take without a mutant.

    Raises:
        RuntimeError: they fail without one, so nothing can be learned from them.
    """
    known: dict[tuple[str, ...], float] = {}
    found: dict[Path, float] = {}
    for module in dict.fromkeys(mutant.module for mutant in chosen):
        tests = tuple(paths_of(module))
        folder = tests[-1:]
        if folder not in known:
            outcome = runner.run(folder, name=dotted(module), path=module, tree=None, within=None)
            if outcome.noticed:
                raise RuntimeError(f"the tests of {module} fail without a mutant:\n{outcome.output[-2000:]}")
            known[folder] = outcome.seconds
            console.print(f"{folder[0]}: {outcome.seconds:.0f} s without a mutant")
        found[module] = known[folder]
    return found


def run_all(chosen: Sequence[Mutant], usual: Mapping[Path, float], at_once: int, console: Console) -> list[Mutant]:
    """Run the tests of every mutant."""

    def one(mutant: Mutant) -> Mutant:
        within = max(runner.LEAST_PATIENCE, usual[mutant.module] * runner.PATIENCE)
        outcome = runner.run(
            paths_of(mutant.module),
            name=dotted(mutant.module),
            path=mutant.module,
            tree=mutant.mutation.tree,
            within=within,
        )
        return Mutant(mutant.module, mutant.mutation, outcome)

    done: list[Mutant] = []
    with ThreadPoolExecutor(at_once) as pool:
        for mutant in pool.map(one, chosen):
            done.append(mutant)
            if mutant.outcome is not None and not mutant.outcome.noticed:
                console.print(f"survived so far: {mutant}", markup=False)
            if len(done) % TELL_EVERY == 0:
                console.print(f"{len(done)} of {len(chosen)}")
    return done


if __name__ == "__main__":
    sys.exit(main())
