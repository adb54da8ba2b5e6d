# SPDX-License-Identifier: Apache-2.0
"""`python -m bench B1`: run scenarios of the benchmark, keep their figures, and write the table of them."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from rich.console import Console

from bench import results, table
from bench.processes import ROOT
from bench.scenarios.catalog import SCENARIOS
from bench.scenarios.common import Rows, Scenario, Trial
from bench.systems import MLOPS, SYSTEMS, System
from localcluster.progress import OnConsole

RESULTS = ROOT / "bench" / "results"


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    listed = "\n".join(f"  {scenario.name:4} {scenario.title}" for scenario in SCENARIOS.values())
    top = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure what the operator costs, on a control plane of its own: counts are exact, times are "
        "this machine's. Figures go into bench/results, as JSON and as a table.",
        epilog=f"scenarios:\n{listed}\n  table  only write the table of what is in bench/results",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("names", nargs="*", metavar="SCENARIO", help="scenarios to run (default: all)")
    top.add_argument("--quick", action="store_true", help="use small sizes; print the figures without writing them")
    top.add_argument("--repeats", type=int, default=1, metavar="N", help="number of runs of each scenario (results: 5)")
    top.add_argument(
        "--operator",
        choices=SYSTEMS,
        default=MLOPS.name,
        help="system to measure: the operator (mlops), a common way of writing one (naive), or a lower bound (bare)",
    )
    top.add_argument("--output", type=Path, default=RESULTS, metavar="FOLDER", help="folder of the results")
    top.add_argument("--check", action="store_true", help="with `table`: fail if the table differs from the JSON files")
    return top


def main() -> int:
    """Run the command line; the process's exit code."""
    grammar = parser()
    given = grammar.parse_args()
    if given.repeats < 1:
        grammar.error(f"--repeats: expected at least 1, found {given.repeats}")
    if given.names == ["table"]:
        return _table(given.output, check=given.check)
    system = SYSTEMS[given.operator]
    possible = {name: scenario for name, scenario in SCENARIOS.items() if system.name in scenario.systems}
    if unknown := [name for name in given.names if name not in possible]:
        grammar.error(f"expected scenarios of {', '.join(possible)} for {system.name}, found {', '.join(unknown)}")
    # The end of a run is orderly also when it is asked for with SIGTERM: clusters and processes are ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for name in given.names or possible:
            _play(possible[name], system, given)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped")
        return 130
    return 0 if given.quick else _table(given.output, check=False)


def _play(scenario: Scenario, system: System, given: argparse.Namespace) -> None:
    trial = Trial(system, OnConsole(), quick=given.quick)
    runs: list[Rows] = []
    for repeat in range(given.repeats):
        Console(stderr=True).rule(
            f"{scenario.name}: {scenario.title} ({system.label}), {repeat + 1} of {given.repeats}"
        )
        runs.append(asyncio.run(scenario.run(trial)))
    result = results.summary(scenario.name, system.name, runs, trial.plain_rates)
    Console().print(table.on_console(result))
    if not given.quick:
        results.save(result, given.output)


def _table(folder: Path, *, check: bool) -> int:
    text = table.markdown(results.load(folder))
    path = folder / "README.md"
    if check:
        if path.exists() and path.read_text() == text:
            return 0
        Console(stderr=True).print(f"{path} is not the table of the results: run `python -m bench table`")
        return 1
    path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
