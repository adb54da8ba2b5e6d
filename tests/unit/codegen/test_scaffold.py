# SPDX-License-Identifier: Apache-2.0
"""A scaffolded kind is whole: it is registered, generated, planned for, and keeps the house's rules."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_operator.codegen.generated import ROOT
from mlops_operator.codegen.scaffold import CONTRACTS, REGISTRY, STATES, Names, main, new_files, registered, scaffold

NAMES = Names("DataSource", "datasources")

PLAN = """
from datetime import UTC, datetime
from mlops_operator.codegen.crd.__main__ import generator as crds
from mlops_operator.codegen.docs.__main__ import generator as pages
from mlops_operator.codegen.rbac.__main__ import generator as rights
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.runtime.cache.cache import Cache

controllers = all_controllers(Settings())
metadata = {"name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "1", "generation": 3}
now = datetime(2026, 1, 1, tzinfo=UTC)
for spec in ({}, {"description": 5}):
    obj = {"metadata": metadata, "spec": spec}
    status = controllers[-1].plan(obj, Cache(controllers), {}, now).status
    print(status["phase"], status["observedGeneration"], status["conditions"][-1]["reason"])
print("crds/datasources.yaml" in crds().files, any("datasources" in text for text in rights().files.values()))
print("spec.description" in pages().files["docs/reference/datasource.md"])
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "operator", tmp_path / "operator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / CONTRACTS, tmp_path)
    scaffold(NAMES, tmp_path)
    return tmp_path


def test_a_scaffolded_kind_is_registered_generated_and_reconciled(checkout: Path) -> None:
    found = subprocess.run(  # another process: this one has the kinds imported already
        [sys.executable, "-c", PLAN],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ["Ready 3 Accepted", "Pending 3 InvalidSpec", "True True", "True"]
    assert found.stdout.splitlines() == lines, found.stderr


def test_the_files_are_formatted_and_in_the_contracts(checkout: Path) -> None:
    files = [name for name in (*new_files(NAMES), REGISTRY, STATES) if name.endswith(".py")]
    for command in (("format", "--check"), ("check",)):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", *files]
        found = subprocess.run(ruff, cwd=checkout, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout
    assert (checkout / CONTRACTS).read_text().count('"mlops_operator.controllers.datasource"') == 2


def test_a_kind_is_not_written_over_another_one(checkout: Path) -> None:
    with pytest.raises(ValueError, match=r"api/datasource\.py.*expected no such file"):
        scaffold(NAMES, checkout)
    with pytest.raises(ValueError, match=r"Model is in .* already"):
        registered(Names("Model", "models"), (ROOT / REGISTRY).read_text(), "")


@pytest.mark.parametrize("name", ["dataset", "data-set", "", "Data_set"])
def test_a_name_that_is_no_kind_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name])
    assert "kind: expected a CamelCase name such as Dataset" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "constant", "short"), [("Dataset", "DATASET", "dat"), ("DataSource", "DATA_SOURCE", "ds")]
)
def test_names_follow_from_the_kind(kind: str, constant: str, short: str) -> None:
    names = Names(kind, "any")
    assert (names.constant, names.short, names.module) == (constant, short, kind.lower())
