# SPDX-License-Identifier: Apache-2.0
"""Collects the pages of the site in one folder.

The pages in `docs` link to other files of the repository, which the site has to show as well. They become pages:
Markdown as it is, other files as a block of code, folders as a list of files.
"""

import os
from collections import deque
from pathlib import Path
from typing import Final

from tools.docs.markdown import with_links

LANGUAGES: Final = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json", ".sh": "bash"}
NOT_SEARCHED: Final = "---\nsearch:\n  exclude: true\n---\n\n"


def place(source: Path) -> Path:
    """Where the site has a file or folder of the repository; both are relative paths."""
    if source.parts[0] == "docs":
        inside = source.relative_to("docs")
        return inside if source.suffix else inside / "README.md"
    if source.suffix == ".md":
        return "project" / source if len(source.parts) == 1 else "source" / source
    return Path("source", f"{source}.md")


def stage(root: Path, folder: Path, pages: set[Path]) -> None:
    """Write the pages `pages` of `docs`, and everything of the repository that they lead to, into a folder.

    Args:
        root: The repository.
        folder: An empty folder.
        pages: Files below `docs`, relative to `root`.

    Raises:
        FileNotFoundError: A link leads to a file that does not exist.
    """
    waiting = deque(sorted(pages))
    known = set(waiting)
    while waiting:
        source = waiting.popleft()
        target = folder / place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            text, linked = _markdown(root, source)
            target.write_text(text)
            waiting.extend(sorted(linked - known))
            known |= linked
        elif (root / source).is_dir():
            target.write_text(_listing(root, source))
        elif source.suffix in {".svg", ".png"}:
            target.write_bytes((root / source).read_bytes())
        else:
            target.write_text(_code(root, source))


def _markdown(root: Path, source: Path) -> tuple[str, set[Path]]:
    """A page with links as the site needs them, and the files of the repository that it links to."""
    linked: set[Path] = set()
    here = place(source).parent

    def rewrite(target: str) -> str:
        name, _, fragment = target.partition("#")
        if not name:
            return target
        found = Path(os.path.normpath(source.parent / name))
        if not (root / found).exists():
            raise FileNotFoundError(f"{source}: the link to {target} leads nowhere")
        if found.parts[0] == "docs" and (root / found).is_dir():
            found /= "README.md"
        linked.add(found)
        return os.path.relpath(place(found), here) + (f"#{fragment}" if fragment else "")

    return with_links((root / source).read_text(), rewrite), linked


def _code(root: Path, source: Path) -> str:
    language = LANGUAGES.get(source.suffix, "text")
    return f"{NOT_SEARCHED}# {source}\n\n````{language}\n{(root / source).read_text().rstrip()}\n````\n"


def _listing(root: Path, source: Path) -> str:
    names = sorted(entry.name for entry in (root / source).iterdir() if not entry.name.startswith(("__", ".")))
    return f"{NOT_SEARCHED}# {source}\n\n" + "".join(f"- `{source}/{name}`\n" for name in names)
