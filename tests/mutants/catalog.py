"""The modules that hold decisions, and the unit tests that must notice a mutant of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
OPERATOR: Final = Path("operator")
CONTROLLERS: Final = OPERATOR / "mlops_operator/controllers"
UNIT: Final = Path("tests/unit")

DECISIONS: Final[tuple[str, ...]] = (
    "mlops_operator/controllers/*/policies/*.py",
    "mlops_operator/controllers/*/plan.py",
    "mlops_operator/controllers/modeldeployment/rollout.py",
    "mlops_operator/controllers/shared/capacity.py",
    "mlops_operator/controllers/shared/evidence.py",
    "mlops_operator/controllers/shared/gates.py",
    "mlops_operator/controllers/shared/job_reads.py",
    "mlops_operator/controllers/shared/jobs.py",
    "mlops_operator/controllers/shared/lost_nodes.py",
    "mlops_operator/controllers/shared/pending.py",
    "mlops_operator/controllers/shared/rejections.py",
    "mlops_operator/controllers/shared/task.py",
    "mlops_operator/controllers/shared/task_disruptions.py",
    "mlops_operator/controllers/shared/versions.py",
    "mlops_operator/controllers/shared/waiting.py",
    "mlops_operator/runtime/drift.py",
    "mlops_operator/runtime/election.py",
    "mlops_operator/runtime/answers.py",
    "mlops_operator/runtime/executor.py",
    "mlops_operator/runtime/identity.py",
    "mlops_operator/runtime/lease_thread.py",
    "mlops_operator/runtime/quantities.py",
    "mlops_operator/runtime/queue.py",
    "mlops_operator/runtime/reads.py",
    "mlops_workload/bootstrap.py",
    "mlops_workload/comparison.py",
    "mlops_workload/golden.py",
    "mlops_workload/holdout.py",
    "mlops_workload/labels.py",
    "mlops_workload/metrics/*.py",
    "mlops_workload/monitor.py",
    "mlops_workload/prediction_log.py",
    "mlops_workload/row_hashes.py",
    "mlops_workload/rows.py",
)
"""Globs below `operator`; those that match nothing are no error, as modules are split and merged."""

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
    found = {path for glob in DECISIONS for path in (ROOT / OPERATOR).glob(glob) if path.name != "__init__.py"}
    yield from (path.relative_to(ROOT) for path in sorted(found))


def dotted(module: Path) -> str:
    """The name under which a module is imported."""
    return ".".join(module.relative_to(OPERATOR).with_suffix("").parts)


def paths_of(module: Path) -> list[str]:
    """Paths of the tests of a module: those that have its name first, then those of its package.

    Raises:
        LookupError: there are none.
    """
    parts = module.relative_to(OPERATOR).parts
    if parts[:2] == ("mlops_operator", "controllers"):
        # What controllers share is proved by the tests of each of them.
        folders = ["controllers" if parts[2] == "shared" else f"controllers/{parts[2]}"]
    elif parts[0] == "mlops_operator":
        folders = [parts[1]]
    else:
        folders = ["workload"]
    named = sorted((ROOT / UNIT).rglob(f"test_{module.stem}*.py"))
    own = [path for path in named if path.relative_to(ROOT / UNIT).parts[0] == folders[0].split("/")[0]]
    found = [*(str(path.relative_to(ROOT)) for path in own), *(str(UNIT / folder) for folder in folders)]
    if not (ROOT / found[-1]).is_dir():
        raise LookupError(f"expected unit tests of {module} in {found[-1]}, found no such folder")
    return found


def ignored() -> list[Ignored]:
    """The list of mutants that are ignored."""
    return [Ignored(**entry) for entry in yaml.safe_load(IGNORED.read_text()) or ()]
