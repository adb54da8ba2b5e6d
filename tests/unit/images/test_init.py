# SPDX-License-Identifier: Apache-2.0
"""Whatever Python program is the first process of a container, it runs below an init."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from images import catalog, debian, python
from images.build import Builder
from images.debian import Package
from images.site import mlops_init

HOOK = (catalog.SITE / "mlops_init.pth").read_text()


@pytest.mark.parametrize(
    ("arguments", "rest"),
    [
        (["python3", "-c", "import time; time.sleep(600)"], ["-c", "import time; time.sleep(600)"]),
        (
            ["python3", "-I", "-X", "dev", "-m", "train", "--epochs", "3"],
            ["-I", "-X", "dev", "-m", "train", "--epochs", "3"],
        ),
        (["python", "/scripts/train.py", "--", "-c"], ["/scripts/train.py", "--", "-c"]),
        (["/usr/bin/python3"], []),
    ],
    ids=["code", "module", "script", "nothing"],
)
def test_the_same_command_line_runs_below_the_init(arguments: list[str], rest: list[str]) -> None:
    command = mlops_init.command_below_init("/usr/bin/python3", arguments)
    assert command == ["/usr/bin/tini", "--", "/usr/bin/python3", *rest]


def test_the_first_process_replaces_itself_by_the_init(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, command: replaced.append((path, command)))
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-c", "pass"])
    monkeypatch.setitem(sys.modules, "mlops_init", mlops_init)
    exec(HOOK)
    assert replaced == [("/usr/bin/tini", ["/usr/bin/tini", "--", sys.executable, "-c", "pass"])]


def test_other_processes_load_nothing_of_it() -> None:
    # In a real interpreter, at its start: this is what `site` does with a folder of packages.
    program = f"import site, sys; site.addsitedir({str(catalog.SITE)!r}); print('mlops_init' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("False\n", "")


def test_the_hook_is_one_line_that_the_interpreter_runs() -> None:
    # `site` runs lines that begin with `import`, each by itself, and takes others for folders.
    assert HOOK.startswith("import ")
    assert HOOK.count("\n") == 1


def test_the_base_of_all_images_has_it_compiled_where_the_interpreter_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(debian, "resolve_cached", lambda _path: [Package("python3.11-minimal_1_amd64.deb", "SHA256:0")])
    monkeypatch.setattr(debian, "unpack", lambda _packages, root: (root / "usr").mkdir())
    monkeypatch.setattr(python, "compile_all", lambda _folder, *, shown_as, base: compiled.append(shown_as))

    (layer,) = Builder(tmp_path).base().layers

    names = subprocess.run(["tar", "--list", "--file", layer.path], capture_output=True, text=True, check=True).stdout
    site = "usr/local/lib/python3.11/dist-packages"
    assert {f"{site}/mlops_init.py", f"{site}/mlops_init.pth"} <= set(names.split())
    assert f"/{site}" in compiled


def test_the_base_is_made_with_debians_init() -> None:
    assert "tini" in debian._ROOTS
