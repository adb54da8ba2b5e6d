# SPDX-License-Identifier: Apache-2.0
"""``python -m images.lock``: resolve the images' requirements again, with hashes and without index addresses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: In the order of their constraints: kserve decides which versions are possible, the workload takes those, and what is
#: layered on the workload takes the workload's.
ORDER = ("server", "workload", "mlserver", "operator")

_OPTIONS = (
    "--quiet",
    "--upgrade",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--no-emit-find-links",
    "--strip-extras",
    "--allow-unsafe",
)


def commands() -> list[tuple[Path, list[str]]]:
    """The folder and the command line of each resolution, in order."""
    here = Path(__file__).resolve().parent
    compile_ = [sys.executable, "-m", "piptools", "compile", *_OPTIONS]
    return [
        (here / name, [*compile_, "--output-file", "requirements.lock.txt", "requirements.in"])
        for name in ORDER
        if (here / name / "requirements.in").exists()
    ]


def main() -> int:
    """Resolve all; the exit code of the first that fails."""
    for folder, command in commands():
        print(f"lock {folder.name}", file=sys.stderr)
        result = subprocess.run(command, cwd=folder, check=False)
        if result.returncode != 0:
            return result.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
