# SPDX-License-Identifier: Apache-2.0
"""Generated files: written to a folder, or compared with what is there."""

import argparse
import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[3]
"""The checkout: generators are run from the source tree only."""

YAML_WIDTH: Final = 120


@dataclass(frozen=True)
class Generator:
    """What a command generates.

    Attributes:
        command: how it is run, for the header of the files and for messages.
        files: contents by path relative to the checkout.
        owned: patterns, relative to the checkout, of files that only this generator writes; one
            that it no longer makes is stale and is removed.
    """

    command: str
    files: Mapping[str, str]
    owned: tuple[str, ...]

    def stale(self, root: Path) -> list[Path]:
        """Files that an earlier run made and this one does not."""
        found = {path for pattern in self.owned for path in root.glob(pattern)}
        return sorted(found - {root / name for name in self.files})

    def differences(self, root: Path) -> list[str]:
        """What a run would change, as unified diffs; empty where the files are fresh."""
        changes = [f"{path.relative_to(root)}: nothing generates this file any more\n" for path in self.stale(root)]
        for name, content in self.files.items():
            path = root / name
            found = path.read_text() if path.exists() else ""
            if found != content:
                diff = difflib.unified_diff(
                    found.splitlines(keepends=True), content.splitlines(keepends=True), f"{name} (found)", name
                )
                changes.append("".join(diff))
        return changes

    def write(self, root: Path) -> None:
        """Write all files and remove the stale ones."""
        for path in self.stale(root):
            path.unlink()
        for name, content in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def to_yaml(document: Any) -> str:
    """One YAML document: keys in the order given, no aliases, long lines folded."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=YAML_WIDTH, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes equal values out each time: an alias would tie unrelated fields together for a reader."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^[yYnN]$", "yYnN"),
    ("tag:yaml.org,2002:float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    # kubectl's YAML reader takes `n` for a boolean and `1e3` for a number, PyYAML does not: with these
    # resolvers such strings are quoted.
    _Dumper.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def run(generator: Generator, description: str, arguments: Sequence[str] | None = None) -> int:
    """The command line of a generator: write, or with `--check` compare.

    Returns:
        0, or 1 where `--check` found a file that is not fresh.
    """
    parser = argparse.ArgumentParser(prog=generator.command, description=description)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs from its source")
    options = parser.parse_args(arguments)
    if not options.check:
        generator.write(ROOT)
        return 0
    changes = generator.differences(ROOT)
    for change in changes:
        sys.stderr.write(change)
    if changes:
        sys.stderr.write(f"{len(changes)} generated file(s) differ from their source: run `{generator.command}`\n")
    return 1 if changes else 0
