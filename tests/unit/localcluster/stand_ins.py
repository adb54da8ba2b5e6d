# SPDX-License-Identifier: Apache-2.0
"""Programs on PATH that note how they are called, and notes that are kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from localcluster.progress import Quiet

# Notes its arguments and those variables that matter, then answers as the test wants.
STAND_IN = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
name = pathlib.Path(sys.argv[0]).name
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
answers = json.loads((folder / "answers.json").read_text())
key = " ".join([name, *sys.argv[1:3]])
sys.stdout.write(answers.get(key, ""))
sys.exit(1 if key in answers.get("failing", []) else 0)
"""


RECENT = {
    "kubectl version --client": '{"clientVersion": {"gitVersion": "v1.37.2"}}',
    "helm version --template={{.Version}}": "v4.2.3",
}


class StandIns:
    """Programs on PATH that only note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: What would have been built from Go modules.
        self.built: list[str] = []
        self.answer()

    def add(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            path.write_text(STAND_IN.format(python=sys.executable, folder=str(self.folder)))
            path.chmod(0o755)

    def answer(self, answers: dict[str, str] | None = None, failing: tuple[str, ...] = ()) -> None:
        (self.folder / "answers.json").write_text(json.dumps({**RECENT, **(answers or {}), "failing": list(failing)}))

    def calls(self, program: str) -> list[list[str]]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call[1:] for call in map(json.loads, lines) if call[0] == program]


class Notes(Quiet):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)
