# SPDX-License-Identifier: Apache-2.0
"""Links between the Markdown files of the repository lead to files and headings that exist."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    path
    for line in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (path := ROOT / line).exists()
]


def prose(page: str) -> str:
    """A page without its blocks and spans of code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^ *```.*?^ *```", "", page, flags=re.MULTILINE | re.DOTALL))


def links(page: str) -> Iterator[str]:
    """Targets of a page's inline links, without those that leave the repository."""
    for target in re.findall(r"\]\(([^()\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


@cache
def anchors(path: Path) -> frozenset[str]:
    """The fragments that a page offers: its headings, as GitHub and the site make identifiers of them."""
    found: list[str] = []
    for heading in re.findall(
        r"^#+ +(.+?) *$", re.sub(r"^ *```.*?^ *```", "", path.read_text(), flags=re.M | re.S), re.M
    ):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        earlier = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in found)
        found.append(f"{slug}-{earlier}" if earlier else slug)
    return frozenset(found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    broken = []
    for target in links(path.read_text()):
        name, _, fragment = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.exists() or (fragment and there.suffix == ".md" and fragment not in anchors(there)):
            broken.append(target)
    assert not broken


def test_a_broken_link_is_found_and_code_is_not_read() -> None:
    page = "[a](b.md#c)\n`[x](y)`\n```text\n[d](e)\n```\n[f](https://example.org) [g](#h)\n"
    assert list(links(page)) == ["b.md#c", "#h"]
