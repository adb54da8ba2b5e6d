# SPDX-License-Identifier: Apache-2.0
"""Figures on disk: one JSON file for each scenario and operator, with all that times depend on."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from bench.figures import Spread, over_repeats, rounded, spread
from bench.processes import ROOT
from localcluster.tools.catalog import kubernetes_version, module_version


@dataclass(frozen=True, kw_only=True)
class Result:
    """A scenario's figures over all repeats.

    Attributes:
        scenario: its name.
        operator: the name of the system.
        date: UTC, of the last run.
        commit: the commit of the checkout; ends in `+` where the operator or the benchmark were changed since.
        machine: what times depend on.
        versions: of the programs at work.
        repeats: runs that the spreads are over.
        plain_writes_per_second: what the API server took before each run; see B0.
        rows: figures by row.
    """

    scenario: str
    operator: str
    date: str
    commit: str
    machine: Mapping[str, str | int]
    versions: Mapping[str, str]
    repeats: int
    plain_writes_per_second: Spread
    rows: Mapping[str, Mapping[str, Spread]]

    @property
    def file_name(self) -> str:
        """Name of its file."""
        return f"{self.scenario}-{self.operator}.json"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        document = asdict(self)
        document["plain_writes_per_second"] = _plain(self.plain_writes_per_second)
        document["rows"] = {
            row: {name: _plain(found) for name, found in figures.items()} for row, figures in self.rows.items()
        }
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The way back."""
        rows = {
            row: {name: Spread(**found) for name, found in figures.items()} for row, figures in document["rows"].items()
        }
        rate = Spread(**document["plain_writes_per_second"])
        return cls(**{**document, "rows": rows, "plain_writes_per_second": rate})


def summary(
    scenario: str, operator: str, runs: Sequence[Mapping[str, Mapping[str, float]]], plain_rates: Sequence[float]
) -> Result:
    """The result of these runs, here and now."""
    return Result(
        scenario=scenario,
        operator=operator,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        commit=_commit(),
        machine=_machine(),
        versions={
            "kubernetes": kubernetes_version(),
            "etcd": module_version("go.etcd.io/etcd/server/v3"),
            "python": platform.python_version(),
            "kopf": version("kopf"),
            "aiohttp": version("aiohttp"),
        },
        repeats=len(runs),
        plain_writes_per_second=spread(plain_rates),
        rows={row: over_repeats([run[row] for run in runs]) for row in runs[0]},
    )


def save(result: Result, folder: Path) -> Path:
    """Write the result's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / result.file_name
    path.write_text(json.dumps(result.to_json(), indent=2) + "\n")
    return path


def load(folder: Path) -> list[Result]:
    """All results of a folder, by scenario and operator."""
    found = [Result.from_json(json.loads(path.read_text())) for path in folder.glob("*.json")]
    return sorted(found, key=lambda result: (int(result.scenario[1:]), result.operator))


def _plain(found: Spread) -> dict[str, float]:
    return {name: rounded(value) for name, value in found._asdict().items()}


def _machine() -> dict[str, str | int]:
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    models = [value.strip() for name, _, value in lines if name.strip() == "model name"]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": models[0] if models else platform.machine(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "linux": platform.release().split("-")[0],
    }


def _commit() -> str:
    commit = _git("rev-parse", "--short=10", "HEAD")
    return commit + ("+" if _git("status", "--porcelain", "--", "operator", "bench/*.py", "tests/harness") else "")


def _git(*arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.strip()
