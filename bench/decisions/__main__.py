# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.decisions`: simulate the decision rules, store the tables, and write their page."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from bench.decisions.catalog import SIMULATIONS
from bench.decisions.table import Table, load, markdown, page, save
from bench.processes import ROOT

RESULTS: Final = ROOT / "bench" / "results" / "decisions"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the process's exit code."""
    grammar = argparse.ArgumentParser(prog="python -m bench.decisions", description=__doc__)
    grammar.add_argument("names", nargs="*", metavar="TABLE", help=f"all by default: {', '.join(SIMULATIONS)}")
    grammar.add_argument(
        "--quick", action="store_true", help="use few repetitions; print the tables without writing them"
    )
    grammar.add_argument("--output", type=Path, default=RESULTS, metavar="FOLDER", help="folder of the tables")
    grammar.add_argument(
        "--check", action="store_true", help="only check: fail if the page differs from the JSON files"
    )
    given = grammar.parse_args(arguments)
    if unknown := [name for name in given.names if name not in SIMULATIONS]:
        grammar.error(f"expected tables of {', '.join(SIMULATIONS)}, found {', '.join(unknown)}")
    if given.check:
        return _check(given.output)
    names = given.names or list(SIMULATIONS)
    with ProcessPoolExecutor() as pool:
        made = {pool.submit(_make, name, given.quick): name for name in names}
        for future in as_completed(made):
            table, seconds = future.result()
            print(f"{markdown(made[future], table)}\n{seconds:.0f} s\n", flush=True)
            if not given.quick:
                save(made[future], table, given.output)
    if not given.quick:
        (given.output / "README.md").write_text(_page(given.output))
    return 0


def _make(name: str, quick: bool) -> tuple[Table, float]:
    begin = time.monotonic()
    return SIMULATIONS[name].make(quick), time.monotonic() - begin


def _page(folder: Path) -> str:
    kept = [(name, load(name, folder)) for name in SIMULATIONS]
    return page([(name, table) for name, table in kept if table is not None])


def _check(folder: Path) -> int:
    path = folder / "README.md"
    if path.exists() and path.read_text() == _page(folder):
        return 0
    print(f"{path} is not the page of the tables: run `python -m bench.decisions`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
