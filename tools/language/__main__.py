# SPDX-License-Identifier: Apache-2.0
"""Counts or lists denied words: `python -m tools.language [FOLDER...]`."""

import argparse
from collections import Counter

from tools.language.scan import ROOT, folder, scan


def main() -> None:
    """Without folders: counts by folder. With folders: every denied word with its place and replacement."""
    parser = argparse.ArgumentParser(prog="python -m tools.language", description=main.__doc__)
    parser.add_argument("folders", nargs="*", help="folders or files, relative to the repository; all by default")
    folders = parser.parse_args().folders
    counts: Counter[str] = Counter()
    for path, hit in scan(*folders):
        counts[folder(path)] += 1
        if folders:
            line = (ROOT / path).read_text().splitlines()[hit.line - 1].strip()
            print(f"{path}:{hit.line}: {hit.word} -> {hit.replacement}\n    {line}")
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    print(f"{counts.total():6} in total")


if __name__ == "__main__":
    main()
