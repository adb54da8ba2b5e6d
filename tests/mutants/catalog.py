# SPDX-License-Identifier: Apache-2.0
"""The modules that hold decisions, and the unit tests that must notice a mutant of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
OPERATOR: Final = Path("operator")
UNIT: Final = Path("tests/unit")

DECISIONS: Final[tuple[str, ...]] = (
    "operator/mlops_contract/*.py",
    "operator/mlops_contract/requests/*.py",
    "operator/mlops_operator/controllers/*/plan.py",
    "operator/mlops_operator/controllers/*/policies/*.py",
    "operator/mlops_operator/controllers/model/removal*.py",
    "operator/mlops_operator/controllers/model/uses.py",
    "operator/mlops_operator/controllers/modeldeployment/checks.py",
    "operator/mlops_operator/controllers/modeldeployment/rollout.py",
    "operator/mlops_operator/controllers/modeldeployment/servers.py",
    "operator/mlops_operator/controllers/modelmonitor/measure.py",
    "operator/mlops_operator/controllers/modelversion/gates.py",
    "operator/mlops_operator/controllers/retrainpolicy/triggers.py",
    "operator/mlops_operator/controllers/shared/*.py",
    "operator/mlops_operator/controllers/trainingjob/config_maps.py",
    "operator/mlops_operator/controllers/trainingjob/inputs.py",
    "operator/mlops_operator/controllers/trainingjob/transitions.py",
    "operator/mlops_operator/framework/*.py",
    "operator/mlops_operator/runtime/work/answered.py",
    "operator/mlops_operator/runtime/work/answers.py",
    "operator/mlops_operator/runtime/work/drift.py",
    "operator/mlops_operator/runtime/election.py",
    "operator/mlops_operator/runtime/work/executor.py",
    "operator/mlops_operator/runtime/work/identity.py",
    "operator/mlops_operator/runtime/work/internal_error.py",
    "operator/mlops_operator/runtime/lease_thread.py",
    "operator/mlops_operator/runtime/work/merge.py",
    "operator/mlops_operator/runtime/work/pod_reads.py",
    "operator/mlops_operator/runtime/work/preconditions.py",
    "operator/mlops_operator/runtime/work/quantities.py",
    "operator/mlops_operator/runtime/work/queue.py",
    "operator/mlops_operator/runtime/work/reads.py",
    "operator/mlops_operator/runtime/slices.py",
    "operator/mlops_workload/comparison.py",
    "operator/mlops_workload/golden*.py",
    "operator/mlops_workload/holdout.py",
    "operator/mlops_workload/labels.py",
    "operator/mlops_workload/metrics/*.py",
    "operator/mlops_workload/monitor.py",
    "operator/mlops_workload/outcomes.py",
    "operator/mlops_workload/overlap.py",
    "operator/mlops_workload/prediction*.py",
    "operator/mlops_workload/recent.py",
    "operator/mlops_workload/row*.py",
    "operator/mlops_workload/runtimes/access_log.py",
    "operator/mlops_workload/runtimes/request_limits.py",
    "operator/mlops_workload/training_rows.py",
    "tools/*.py",
)
"""Globs below the repository."""

_BESIDE: Final = MappingProxyType(dict.fromkeys(("model", "modelversion"), ("controllers/retention",)))
"""Folders of tests that drive a package's controller, beside the folder of its name."""

IGNORED: Final = Path(__file__).with_name("ignored.yaml")


@dataclass(frozen=True)
class Ignored:
    """A mutant that no test has to notice, and why."""

    module: str
    function: str
    change: str
    reason: str


def modules() -> Iterator[Path]:
    """Paths of all modules with decisions, relative to the repository."""
    found = {path for glob in DECISIONS for path in ROOT.glob(glob) if path.name != "__init__.py"}
    yield from (path.relative_to(ROOT) for path in sorted(found))


def dotted(module: Path) -> str:
    """The name under which a module is imported."""
    return ".".join(_below_root(module).with_suffix("").parts)


def paths_of(module: Path) -> list[str]:
    """Paths of the tests of a module: those that have its name first, then those of its package.

    Raises:
        LookupError: there are none.
    """
    parts = _below_root(module).parts
    if parts[:2] == ("mlops_operator", "controllers"):
        # What controllers share is proved by the tests of each of them.
        shared = parts[2] == "shared"
        folders = ["controllers"] if shared else [f"controllers/{parts[2]}", *_BESIDE.get(parts[2], ())]
    elif parts[:2] == ("mlops_operator", "framework"):
        folders = ["framework", "controllers"]
    elif parts[0] == "mlops_operator":
        folders = [parts[1]]
    else:
        folders = [parts[0].removeprefix("mlops_")]
    named = sorted((ROOT / UNIT).rglob(f"test_{module.stem}*.py"))
    own = [path for path in named if path.relative_to(ROOT / UNIT).parts[0] == folders[0].split("/")[0]]
    found = [*(str(path.relative_to(ROOT)) for path in own), *(str(UNIT / folder) for folder in folders)]
    if not (ROOT / found[-1]).is_dir():
        raise LookupError(f"expected unit tests of {module} in {found[-1]}, found no such folder")
    return found


def _below_root(module: Path) -> Path:
    """The path of a module below the folder from which it is imported."""
    return module.relative_to(OPERATOR) if module.is_relative_to(OPERATOR) else module


def ignored() -> list[Ignored]:
    """The list of mutants that are ignored."""
    return [Ignored(**entry) for entry in yaml.safe_load(IGNORED.read_text()) or ()]
