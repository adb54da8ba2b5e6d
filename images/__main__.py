# SPDX-License-Identifier: Apache-2.0
"""``python -m images``: build images and print where they are."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from images import catalog
from images.build import Builder
from images.errors import ImageBuildError


def main() -> int:
    """Build the images named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m images", description=__doc__)
    parser.add_argument(
        "image", nargs="*", help=f"of {', '.join(recipe.name for recipe in catalog.RECIPES)}; all by default"
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder to build in")
    options = parser.parse_args()
    started = time.monotonic()

    def report(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {text}", file=sys.stderr)

    builder = Builder(options.cache, report)
    try:
        for name in options.image or [recipe.name for recipe in catalog.RECIPES]:
            recipe = catalog.find(name)
            if recipe is None:
                parser.error(f"expected the name of an image, found {name!r}")
            print(builder.archive(builder.image(recipe)))
    except ImageBuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
