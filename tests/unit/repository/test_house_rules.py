# SPDX-License-Identifier: Apache-2.0
"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from mlops_operator.api.registry import KINDS
from mlops_operator.kube.resources import OWN

ROOT = Path(__file__).resolve().parents[3]
LONGEST_FILE = 400
#: The header that every file begins with is no part of its subject.
LICENSE_LINES = 1


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines()]


def test_a_file_has_one_subject_and_so_stays_short() -> None:
    too_long = {
        str(path.relative_to(ROOT)): count
        for path in _tracked("*.py")
        if path.exists() and (count := len(path.read_text().splitlines()) - LICENSE_LINES) > LONGEST_FILE
    }
    assert not too_long, f"split these by subject: {too_long}"


def test_the_resources_that_are_ours_are_the_kinds() -> None:
    assert [(kind.plural, kind.kind) for kind in KINDS] == [(resource.plural, resource.kind) for resource in OWN]


@pytest.mark.parametrize("lock", _tracked("*.lock.txt"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_has_a_hash_for_every_package_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    packages = [line for line in text.splitlines() if line and line[0].isalnum()]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert "://" not in text


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def _imported(file: Path) -> set[str]:
    """Dotted names that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def test_unit_tests_start_no_cluster_and_build_no_program() -> None:
    needing = {"localcluster.tools.ensure_tools", "tests.harness.clusters.own_cluster", "helm.render"}
    found = {
        str(path.relative_to(ROOT)): sorted(names)
        for path in _tracked("tests/unit/*.py")
        if path.exists() and (names := needing & _imported(path))
    }
    assert found == {}


def test_make_lint_and_unit_build_no_program() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in ("lint", "unit"):
        (recipe,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
        assert "helm/render.py" not in recipe
        assert "localcluster" not in recipe
        assert "tools" not in text.partition(f"\n{target}:")[2].partition("##")[0]


def test_every_test_has_a_timeout() -> None:
    assert re.search(r"^timeout = \d+$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
