# SPDX-License-Identifier: Apache-2.0
"""Scans tracked files for denied words."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.language.denied import Hit, hits
from tools.language.texts import has_prose, texts

ROOT: Final = Path(__file__).resolve().parents[2]


def scan(*folders: str) -> Iterator[tuple[str, Hit]]:
    """Denied words in the tracked files below `folders`, or below the repository, each with the file's path."""
    listed = subprocess.run(["git", "ls-files", "--", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    for path in listed.stdout.splitlines():
        file = ROOT / path
        if has_prose(path) and file.is_file():
            for line, text in texts(file):
                yield from ((path, hit) for hit in hits(line, text))


def folder(path: str) -> str:
    """The folder under which the words of `path` are counted: two levels, three below `operator`."""
    parents = Path(path).parts[:-1]
    return "/".join(parents[: 3 if parents[:1] == ("operator",) else 2]) or "."
