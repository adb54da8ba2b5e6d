"""Rules of the house that no linter knows."""

import subprocess
from pathlib import Path

import pytest

from mlops_operator.api.kinds import KINDS
from mlops_operator.kube.resources import OWN

ROOT = Path(__file__).resolve().parents[3]
LONGEST_FILE = 400


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines()]


def test_a_file_has_one_subject_and_so_stays_short() -> None:
    too_long = {
        str(path.relative_to(ROOT)): count
        for path in _tracked("*.py")
        if path.exists() and (count := len(path.read_text().splitlines())) > LONGEST_FILE
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
