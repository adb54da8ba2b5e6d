"""`python -m bench`: writes, reads, CPU and memory per TrainingJob."""

import argparse
import asyncio
import json
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.trainingjobs import Outcome, measure

BURST = 0.0


def main() -> int:
    """Run the scenarios and print a table; with `--output` the figures go into a JSON file as well."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--objects", type=int, default=500, help="TrainingJobs in each scenario (default: 500)")
    parser.add_argument(
        "--rate", type=float, default=3.0, help="creations a second of the steady scenario (default: 3)"
    )
    parser.add_argument("--only", choices=["burst", "steady"], help="one of the two scenarios")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    arguments = parser.parse_args()
    scenarios = {"burst": BURST, "steady": arguments.rate}
    chosen = {name: rate for name, rate in scenarios.items() if arguments.only in (None, name)}
    outcomes = {name: asyncio.run(measure(arguments.objects, rate)) for name, rate in chosen.items()}
    show(outcomes)
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        document = {"machine": machine(), **{name: outcome.to_json() for name, outcome in outcomes.items()}}
        arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def show(outcomes: dict[str, Outcome]) -> None:
    """Print one column per scenario."""
    table = Table(title=f"The operator's cost on {machine()}", title_justify="left")
    table.add_column("figure")
    for name in outcomes:
        table.add_column(name, justify="right")
    for figure in next(iter(outcomes.values())).to_json():
        table.add_row(figure.replace("_", " "), *(str(outcome.to_json()[figure]) for outcome in outcomes.values()))
    Console().print(table)


def machine() -> str:
    """Cores, kernel and Python: what times depend on."""
    cores = sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
    return f"{cores} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
