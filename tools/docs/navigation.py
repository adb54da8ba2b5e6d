# SPDX-License-Identifier: Apache-2.0
"""The navigation of the site, from the index page of each section.

A section is a folder of `docs` with a `README.md` that links to each of its pages. The order of the links is the order
of the navigation, and headings with at least three pages below them become groups.
"""

import os
import re
from pathlib import Path
from typing import Final

from tools.docs.markdown import links, title

SECTIONS: Final = ("getting-started", "how-to", "concepts", "reference", "operations", "design", "contributing")
TOP: Final = ("README.md", "comparison.md", "glossary.md")
LEAST_GROUP: Final = 3

Entry = str | dict[str, "str | list[Entry]"]


class NotInIndex(ValueError):
    """A page of the documentation is missing in the index of its section."""


def navigation(root: Path) -> list[Entry]:
    """The navigation as the site generator takes it; paths are relative to `docs`.

    Raises:
        NotInIndex: A page cannot be reached from the index of its section.
    """
    docs = root / "docs"
    top: list[Entry] = [_entry(docs, name) for name in TOP if (docs / name).exists()]
    top[0] = {"Home": TOP[0]}
    found: list[Entry] = [top[0], *(_section(docs, name) for name in SECTIONS if (docs / name).is_dir()), *top[1:]]
    listed = set(paths(found))
    missing = sorted(page for path in docs.rglob("*.md") if (page := str(path.relative_to(docs))) not in listed)
    if missing:
        raise NotInIndex(f"link to these pages in the README.md of their section: {', '.join(missing)}")
    return found


def paths(entries: list[Entry]) -> list[str]:
    """All pages of a navigation."""
    found = []
    for entry in entries:
        if isinstance(entry, str):
            found.append(entry)
        else:
            for value in entry.values():
                found.extend([value] if isinstance(value, str) else paths(value))
    return found


def _entry(docs: Path, name: str) -> Entry:
    return {title((docs / name).read_text()): name}


def _section(docs: Path, section: str) -> Entry:
    text = (docs / section / "README.md").read_text()
    entries: list[Entry] = [f"{section}/README.md"]
    seen: set[str] = set()
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE):
        pages = [page for page in _pages(docs, section, part) if page not in seen]
        seen.update(pages)
        group: list[Entry] = [_entry(docs, page) for page in dict.fromkeys(pages)]
        if part.startswith("## ") and len(group) >= LEAST_GROUP:
            entries.append({title(part): group})
        else:
            entries.extend(group)
    return {title(text): entries}


def _pages(docs: Path, section: str, text: str) -> list[str]:
    """Pages of a section that a text links to."""
    found = []
    for target in links(text):
        page = os.path.normpath(f"{section}/{target.partition('#')[0]}")
        inside = page.startswith(f"{section}/") and page.endswith(".md") and page != f"{section}/README.md"
        if inside and (docs / page).exists():
            found.append(page)
    return found
