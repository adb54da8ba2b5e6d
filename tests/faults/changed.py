# SPDX-License-Identifier: Apache-2.0
"""Which reference paths a code change can affect, and which plans a deep run makes because of it; pure."""

import random
import subprocess
from collections.abc import Iterable, Sequence
from typing import Final

from tests.faults.plan import Plan

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "trainingjob": ("trainingjob",),
    "modelversion": ("trainingjob", "model", "promotion", "modeldeployment"),
    "model": ("model", "promotion", "modeldeployment", "retrainpolicy"),
    "evaluation": ("evaluation", "promotion"),
    "promotion": ("promotion", "retrainpolicy"),
    "modeldeployment": ("modeldeployment",),
    "modelmonitor": ("modelmonitor", "retrainpolicy"),
    "retrainpolicy": ("retrainpolicy",),
}
"""For each kind of object, the first parts of the names of the paths on which its controller acts."""

CONTROLLERS: Final = "operator/mlops_operator/controllers/"
API: Final = "operator/mlops_operator/api/"
OPERATOR: Final = "operator/mlops_operator/"
PATHS: Final = "tests/faults/paths/"


def changed_files(since: str) -> list[str]:
    """Files that differ between a git revision and the working tree, relative to the repository.

    Raises:
        subprocess.CalledProcessError: git does not know the revision.
    """
    found = subprocess.run(["git", "diff", "--name-only", since], check=True, capture_output=True, text=True)
    return found.stdout.splitlines()


def changed_paths(files: Iterable[str], paths: Iterable[str]) -> set[str]:
    """Names of those `paths` whose code is among `files`.

    A controller, or the API model of a kind, belongs to the paths of `KINDS`. Other code of the operator is used by
    every controller and belongs to all paths.
    """
    known = list(paths)
    found: set[str] = set()
    for file in files:
        if not file.endswith(".py") or not file.startswith((OPERATOR, PATHS)):
            continue
        if file.startswith(PATHS):
            kind = file.removeprefix(PATHS).removesuffix(".py").removesuffix("_acts")
            owners: tuple[str, ...] | None = (kind,) if kind in KINDS else None
        else:
            parts = file.removeprefix(CONTROLLERS).removeprefix(API).split("/")
            owners = KINDS.get(parts[0].removesuffix(".py"))
        found.update(path for path in known if owners is None or path.split("/")[0] in owners)
    return found


def deep(sampled: Sequence[Plan], made: Sequence[Plan], changed: set[str], *, limit: int, seed: int) -> list[Plan]:
    """The sampled plans, and all plans of the changed paths as far as `limit` plans in total allow.

    Of those that do not fit, be it the sample itself, the ones that are run are drawn by seed.
    """
    if len(sampled) > limit:
        return random.Random(seed).sample(sampled, limit)
    names = {plan.name for plan in sampled}
    more = [plan for plan in made if plan.path in changed and plan.name not in names]
    room = limit - len(sampled)
    return [*sampled, *(more if len(more) <= room else random.Random(seed).sample(more, room))]
