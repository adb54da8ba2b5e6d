# SPDX-License-Identifier: Apache-2.0
"""The workflows of continuous integration are what actionlint accepts."""

import subprocess
from pathlib import Path

from localcluster.tools import ensure_actionlint
from mlops_operator.codegen.generated import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))


def _problems(*files: Path) -> str:
    # Without shellcheck and pyflakes, which only some machines have.
    command = [str(ensure_actionlint() / "actionlint"), "-no-color", "-oneline", "-shellcheck=", "-pyflakes="]
    return subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False).stdout


def test_every_workflow_is_valid() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yaml", "release.yaml"}
    assert _problems(*WORKFLOWS) == ""


def test_a_misspelled_key_and_an_unknown_name_are_reported(tmp_path: Path) -> None:
    text = (ROOT / ".github/workflows/ci.yaml").read_text()
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace("timeout-minutes: 20", "timeout: 20").replace("matrix.python", "matrix.pyhton"))
    found = _problems(broken)
    assert "timeout" in found
    assert "pyhton" in found
