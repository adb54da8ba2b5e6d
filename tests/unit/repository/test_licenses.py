# SPDX-License-Identifier: Apache-2.0
"""Every source names its license, in the form that SPDX defines."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
IDENTIFIER = "SPDX-License-Identifier: Apache-2.0"


def _expected(name: str, text: str) -> bool:
    """Whether a file is a source of a kind that has the header."""
    path = Path(name)
    return path.suffix in {".py", ".go", ".sh"} or path.name == "Containerfile" or text.startswith("#!")


def _has_header(text: str) -> bool:
    """Whether it is the first line, or the second below the interpreter's or a parser's."""
    first, _, rest = text.partition("\n")
    line = rest.partition("\n")[0] if first.startswith(("#!", "# syntax=")) else first
    return line in {f"# {IDENTIFIER}", f"// {IDENTIFIER}"}


def test_every_source_begins_with_its_license() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    without = []
    for name in filter(None, listed.stdout.split("\0")):
        if not (ROOT / name).is_file():
            continue
        text = (ROOT / name).read_bytes().decode(errors="replace")
        if _expected(name, text) and not _has_header(text):
            without.append(name)
    assert without == [], f"expected the line `# {IDENTIFIER}` at the top of each"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"# {IDENTIFIER}\nimport os\n", True),
        (f"#!/bin/sh\n# {IDENTIFIER}\n", True),
        (f"// {IDENTIFIER}\n\npackage main\n", True),
        ("import os\n", False),
        (f"import os\n# {IDENTIFIER}\n", False),
        ("", False),
    ],
)
def test_the_header_is_the_first_line_or_follows_the_interpreters(text: str, *, found: bool) -> None:
    assert _has_header(text) is found
