# SPDX-License-Identifier: Apache-2.0
"""``python -m release``: build a release into a folder, the same bytes for the same commit."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from images import catalog
from release.bom import bill, python_components
from release.charts import package_charts
from release.distributions import ROOT, version
from release.wheels import build_wheels

SUMS = "SHA256SUMS"

#: The control plane's and the data plane's lock: the versions that the wheels are tested with.
_WHEEL_LOCKS = tuple(recipe.locks[0] for recipe in catalog.RECIPES[:2])


def main(arguments: list[str] | None = None) -> int:
    """Build what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="a folder that is empty or not there")
    parser.add_argument("--images", type=Path, metavar="CACHE", help="build image archives too, their layers in CACHE")
    options = parser.parse_args(arguments)
    output: Path = options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    if any(output.iterdir()):
        print(f"error: expected {output} to be empty; remove it first", file=sys.stderr)
        return 1
    epoch = commit_time()
    build_wheels(output, epoch=epoch)
    package_charts(output, epoch=epoch)
    document = bill("mlops-operator-wheels", "application", python_components(_WHEEL_LOCKS), epoch=epoch)
    (output / f"mlops-operator-wheels-{version()}.cdx.json").write_text(document)
    if options.images is not None:
        from release.images import write_images

        write_images(output, options.images, epoch=epoch)
    lines = write_sums(output)
    print("\n".join(lines))
    return 0


def commit_time() -> int:
    """SOURCE_DATE_EPOCH, or else the time of the commit, in seconds since 1970."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def write_sums(output: Path) -> list[str]:
    """Write the digests of all files as `sha256sum --check` reads them; the lines."""
    lines = []
    for path in sorted(output.iterdir()):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}")
    (output / SUMS).write_text("".join(f"{line}\n" for line in lines))
    return lines


if __name__ == "__main__":
    sys.exit(main())
