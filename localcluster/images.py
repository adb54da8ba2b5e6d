# SPDX-License-Identifier: Apache-2.0
"""The project's own images, built when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from images import catalog
from images.build import Builder
from images.errors import ImageBuildError
from images.oci import archive_digests
from localcluster import disk, locks, paths
from localcluster.errors import ImageNotBuilt, ImageNotFound
from localcluster.progress import Progress, Quiet

#: Layers and archives of all images, and the scratch space of the biggest.
_SPACE_NEEDED = 4 << 30

#: The name under which the base, which has no recipe, can be asked for.
BASE = "mlops-base"

NAMES = (BASE, *(recipe.name for recipe in catalog.RECIPES))


def ensure_archives(names: Sequence[str] = NAMES, progress: Progress | None = None) -> list[Path]:
    """The archives of images, named as in :data:`NAMES` or by full reference; built or taken from the cache."""
    reporter: Progress = progress or Quiet()
    folder = paths.cache_home() / "images"
    with locks.exclusive(folder / "lock"), reporter.step("build the images") as step:
        if not folder.joinpath("layers").exists():
            disk.require(folder, _SPACE_NEEDED, what="building the images")
        builder = Builder(folder, report=step.update)
        try:
            return [_archive(builder, name) for name in names]
        except ImageBuildError as error:
            raise ImageNotBuilt(error.problem, remedy=error.remedy) from error


def _archive(builder: Builder, name: str) -> Path:
    if name == BASE or name.startswith(f"localhost/{BASE}:"):
        return builder.archive(builder.base())
    recipe = catalog.find(name)
    if recipe is None:
        raise ImageNotFound(
            f"expected an archive or one of {', '.join(NAMES)}, found {name!r}", remedy="check the path or the name"
        )
    return builder.archive(builder.image(recipe))


def image_digests(archive: Path) -> dict[str, str]:
    """The references in an image archive, each with a digest of what it names."""
    try:
        return archive_digests(archive)
    except ValueError as error:
        raise ImageNotFound(str(error), remedy="name a tar file made by `docker save` or by this project") from error


def base_reference() -> str:
    """The full name of the base image on this machine; it has the interpreter's version in it."""
    return Builder(paths.cache_home() / "images").base_reference
