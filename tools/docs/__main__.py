# SPDX-License-Identifier: Apache-2.0
"""Builds the documentation site into `build/docs/site`, or serves it.

Run it with the environment that has the site generator (`make docs`). A broken link, a missing heading, a page that no
index lists, or a page that loads something from another host, fails the build. Nothing is fetched.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.docs.navigation import Entry, navigation
from tools.docs.stage import stage

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "docs"
LOADED: Final = re.compile(r"<(?:script|img|link|iframe)\b[^>]*?\s(?:src|href)=\"?((?:https?:)?//[^\">\s]+)")


def configuration(entries: list[Entry]) -> str:
    """The whole configuration of the site generator. JSON's strings and lists are TOML as well."""
    return (ROOT / "tools" / "docs" / "zensical.toml").read_text().replace('"NAVIGATION"', _toml(entries))


def _toml(entries: list[Entry]) -> str:
    """A navigation as a TOML value."""
    parts = []
    for entry in entries:
        if isinstance(entry, str):
            parts.append(json.dumps(entry))
        else:
            for name, value in entry.items():
                inner = json.dumps(value) if isinstance(value, str) else _toml(value)
                parts.append(f"{{ {json.dumps(name)} = {inner} }}")
    return f"[{', '.join(parts)}]"


def prepare() -> None:
    """Write pages and configuration into the build folder."""
    shutil.rmtree(BUILD, ignore_errors=True)
    entries = navigation(ROOT)
    pages = {path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")}
    stage(ROOT, BUILD / "pages", pages)
    shutil.copytree(ROOT / "tools" / "docs" / "theme", BUILD / "pages" / "theme")
    (BUILD / "zensical.toml").write_text(configuration(entries))


def loaded_from_elsewhere(site: Path) -> list[str]:
    """Addresses of other hosts from which a page of the site loads something, each with the page."""
    return [
        f"{page.relative_to(site)}: {address}"
        for page in sorted(site.rglob("*.html"))
        for address in LOADED.findall(page.read_text())
    ]


def generate(*arguments: str) -> int:
    """Run the site generator; its exit code."""
    program = Path(sys.executable).with_name("zensical")
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run([program, *arguments], cwd=BUILD, env=environment, check=False).returncode


def main() -> int:
    """Build or serve the site."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=main.__doc__)
    parser.add_argument("command", choices=("build", "serve"))
    parser.add_argument("--address", default="localhost:8000", help="where to serve (default: %(default)s)")
    options = parser.parse_args()
    prepare()
    if options.command == "serve":
        return generate("serve", "--dev-addr", options.address)
    if code := generate("build", "--strict"):
        return code
    if found := loaded_from_elsewhere(BUILD / "site"):
        print("pages load from other hosts:", *found, sep="\n  ", file=sys.stderr)
        return 1
    print(f"{BUILD.relative_to(ROOT)}/site/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
