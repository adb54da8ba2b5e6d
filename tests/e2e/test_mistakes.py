# SPDX-License-Identifier: Apache-2.0
"""Mistakes that show in a pod: the status names place, cause and container, and a correction of the spec is enough.

The rows are numbered as in `tests/integration/mistakes`, where those are that need no pod. Missing images, claims and
keys (5, 6, 7) are in `test_bad_input.py`, a registry's credentials (5) in `test_private_registry.py`, memory (14) in
`test_node_faults.py`, side containers (37) in `tests/kind`, files of rows (23, 24), prediction logs (36) and pickles
(34) in `tests/unit/workload`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    WORKLOAD_IMAGE,
    condition,
    manifest,
    new_namespace,
    patch,
    training,
    wait_phase,
    wait_true,
    write_files,
)

pytestmark = pytest.mark.timeout(400)

SLOW = 150.0
"""Seconds for what takes 30 on an idle machine: all rows share two cores."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One mistake in a TrainingJob.

    Attributes:
        spec: beside image and program.
        reason: of the condition `Ready`.
        says: parts of its message.
        correct: what the user does then, given the namespace and the object's name.
        program: what the container runs, in the base image.
    """

    spec: Manifest
    reason: str
    says: tuple[str, ...]
    correct: Callable[[Kubectl, str], object]
    program: str = ""


def spec_change(**change: Any) -> Callable[[Kubectl, str], object]:
    return lambda space, name: patch(space, "trainingjob", name, change)


def program_in(image: str, source: str) -> Manifest:
    """The fields that run a program as it stands, without the functions that other tests put before it."""
    return {"image": image, "command": ["python3", "-c", source]}


CORRECT = {"command": ["python3", "-c", ""]}
SCRIPTS = {"spec": {"volumes": [{"name": "scripts", "configMap": {"name": "m08-scripts"}}]}}
NAMED: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m08-scripts"}}
CONFIG_MAP: Manifest = {**NAMED, "data": {"a": "b"}}
ROWS = {
    "m08": Row(
        spec={"template": SCRIPTS},
        reason="ConfigUnavailable",
        says=('configmap "m08-scripts" not found',),
        correct=lambda space, _: space.apply(CONFIG_MAP),
    ),
    "m10": Row(
        spec={"command": ["pyton3"], "backoffLimit": 3},
        reason="BackingOff",
        says=("attempt 0 failed", "pyton3", "executable file not found"),
        correct=spec_change(**CORRECT),
    ),
    "m11": Row(
        spec=program_in(WORKLOAD_IMAGE, "from mlops_workload import run\nwith run() as r:\n    r.log(accuracy=1 / 0)\n")
        | {"backoffLimit": 3},
        reason="BackingOff",
        says=("attempt 0 failed", "ZeroDivisionError: division by zero"),
        correct=spec_change(**CORRECT),
    ),
    "m12": Row(
        spec=program_in(WORKLOAD_IMAGE, "import pandas\nfrom mlops_workload import run\n") | {"backoffLimit": 3},
        reason="BackingOff",
        says=("attempt 0 failed", "exit code 1", "ModuleNotFoundError: No module named 'pandas'"),
        correct=spec_change(**CORRECT),
    ),
    "m13": Row(
        spec=program_in(WORKLOAD_IMAGE, "from mlops_workload import run\nr = run()\nr.log(accuracy=1 / 0)\n")
        | {"backoffLimit": 3},
        reason="BackingOff",
        says=("attempt 0 failed", "exit code 1", "ZeroDivisionError: division by zero"),
        correct=spec_change(**CORRECT),
    ),
    "m15-node": Row(
        spec={"nodeSelector": {"disk": "m15"}},
        reason="Unschedulable",
        says=("node",),
        correct=spec_change(nodeSelector=None),
    ),
    "m15-cpu": Row(
        spec={"resources": {"requests": {"cpu": "1000"}}},
        reason="Unschedulable",
        says=("cpu",),
        correct=spec_change(resources=None),
    ),
    "m15-gpu": Row(
        spec={"resources": {"limits": {"nvidia.com/gpu": 1}}},
        reason="Unschedulable",
        says=("nvidia.com/gpu",),
        correct=spec_change(resources=None),
    ),
    "m29-root": Row(
        spec={"template": {"spec": {"securityContext": {"runAsUser": 0}}}},
        reason="RunsAsRoot",
        says=("container", "breaks non-root policy", "set runAsUser of the pod's securityContext"),
        correct=spec_change(template=None),
    ),
    "m22": Row(
        spec={"data": [{"name": "rows", "uri": f"pvc://{STORE}/m22/rows.csv"}]},
        reason="DataNotFound",
        says=("found no data; retried at", "m22/rows.csv", "dataDeadline 10m"),
        correct=lambda space, _: write_files(space, {"m22/rows.csv": "a,y\n1,0\n"}),
    ),
}


@pytest.fixture(scope="module")
def mistakes(kubectl: Kubectl) -> Iterator[Kubectl]:
    """A namespace in which all rows are begun at once."""
    with new_namespace(kubectl, "mistakes") as space:
        for name, row in ROWS.items():
            space.apply(training(name, row.program, **row.spec))
        yield space


@pytest.fixture(scope="module")
def told(mistakes: Kubectl) -> dict[str, Manifest]:
    """Each object when it first told what is wrong; corrected then, so that all recover at the same time."""
    found = {}
    for name, row in ROWS.items():

        def says(obj: Manifest, row: Row = row) -> bool:
            ready = condition(obj)
            return ready.get("reason") == row.reason and all(part in ready["message"] for part in row.says)

        what = f"to tell {row.reason} with {row.says}"
        found[name] = mistakes.wait("trainingjob", name, says, what=what, timeout=SLOW)
        row.correct(mistakes, name)
    return found


@pytest.mark.parametrize("name", ROWS)
def test_it_is_told_and_the_correction_is_enough(mistakes: Kubectl, told: dict[str, Manifest], name: str) -> None:
    assert condition(told[name])["status"] == "False"
    done = wait_true(mistakes, "trainingjob", name, "Complete", timeout=SLOW)
    assert condition(done, "Stalled")["status"] == "False"


# -- data and models, by evaluations of a real model -----------------------------------------------

TRAIN = """
from mlops_workload import run
from sklearn.dummy import DummyClassifier
with run() as r:
    r.log(accuracy=0.9)
    r.save_model(DummyClassifier().fit([[1], [2]], [0, 1]))
"""

GOOD = "a,y\n1,0\n2,1\n"
FILES = {
    "text": ("a,y\n1,0\nred,1\n", ("DataInvalid", "text.csv", "row 2, column 'a': expected a number, found 'red'")),
    "semicolon": ("a;y\n1;0\n", ("DataInvalid", "semicolon.csv", "expected the columns 'y', found 'a;y'")),
    "upper-case": ("a,Y\n1,0\n", ("DataInvalid", "upper-case.csv", "expected the columns 'y', found 'a', 'Y'")),
    "labels": (
        "a,y\n1,yes\n2,no\n",
        ("DataInvalid", "labels' kind, text, found number: row 1 has the label 'yes', and the prediction is 0"),
    ),
}
FINE = {"missing": "a,y\n1,0\n,1\n", "bom": "\ufeff" + GOOD}


def evaluation(name: str, candidate: str, *, file: str) -> Manifest:
    data = [{"name": "rows", "uri": f"pvc://{STORE}/m23/{file}.csv"}]
    metrics = [{"name": "accuracy", "min": 0.1, "minCount": 1}]
    return manifest("Evaluation", name, candidate=candidate, data=data, metrics=metrics)


@pytest.mark.deep
def test_data_and_models_are_told_with_file_row_and_column(space: Kubectl) -> None:
    write_files(space, {f"m23/{name}.csv": text for name, (text, _) in FILES.items()})
    write_files(space, {**{f"m23/{name}.csv": text for name, text in FINE.items()}, "m34.joblib": "no model"})
    space.apply(manifest("Model", "digits"))
    spec = program_in(WORKLOAD_IMAGE, TRAIN)
    space.apply(training("digits", model="digits", **spec))
    done = wait_true(space, "trainingjob", "digits", "Complete", timeout=SLOW)
    candidate = done["status"]["modelVersion"]
    wait_true(space, "modelversion", candidate, timeout=SLOW)
    for name in (*FILES, *FINE):
        space.apply(evaluation(name, candidate, file=name))
    for name, (_, says) in FILES.items():
        failed = wait_phase(space, "evaluation", name, "Failed", timeout=SLOW)
        for part in says:
            assert part in condition(failed, "Stalled")["message"]
    for name in FINE:
        wait_phase(space, "evaluation", name, "Succeeded", timeout=SLOW)
