# SPDX-License-Identifier: Apache-2.0
"""Image archives under the version of the release, and what each contains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from images import catalog, oci
from images.build import Builder
from release.bom import bill, debian_component, python_components
from release.distributions import version


def write_images(output: Path, cache: Path, *, epoch: int) -> list[Path]:
    """An archive and a bill of materials of each image, in ``output``; layers are built in ``cache``.

    Files in images have a fixed time, so that an unchanged layer has the same digest in every release.
    """
    builder = Builder(cache)
    base = [debian(package.file) for package in builder.base_packages]
    written = []
    for recipe in catalog.RECIPES:
        image = replace(builder.image(recipe), reference=f"localhost/{recipe.name}:{version()}")
        archive = output / f"{recipe.name}-{version()}-{oci.architecture()}.tar"
        oci.write_archive(archive, [image])
        document = output / f"{archive.stem}.cdx.json"
        components = [*base, *python_components(recipe.locks)]
        document.write_text(bill(recipe.name, "container", components, epoch=epoch))
        written += [archive, document]
    return written


def debian(file: str) -> dict[str, Any]:
    """The component that a package's file name, ``name_version_architecture.deb``, describes."""
    name, package_version, architecture = Path(file).name.removesuffix(".deb").split("_")
    return debian_component(name, unquote(package_version), architecture)
