# SPDX-License-Identifier: Apache-2.0
"""The images of the add-ons and of the pod sandbox: one static program each, nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from images.oci import Image, Layer, copy_executable, write_archive, write_layer
from localcluster import locks, paths
from localcluster.tools.catalog import module_version

_PREFIX = "localhost/mlops-localcluster"

#: Program -> Go module whose version is the tag; None for the project's own, which the archive's name identifies.
_VERSIONS = {
    "coredns": "github.com/coredns/coredns",
    "metrics-server": "sigs.k8s.io/metrics-server",
    "local-path-provisioner": "github.com/rancher/local-path-provisioner",
    "volume-helper": None,
    "pause": None,
}

#: The unprivileged user 65534; the sandbox and the services need no other.
_NOBODY = "65534:65534"
#: The volume helper makes folders below one that only root may write to.
_ROOT = "0:0"


def reference(program: str) -> str:
    """The image of an add-on's program."""
    module = _VERSIONS[program]
    tag = module_version(module).removeprefix("v") if module else "1"
    return f"{_PREFIX}/{program}:{tag}"


def ensure_archive(programs: Path, names: Sequence[str] = tuple(_VERSIONS)) -> Path:
    """One archive with the images of the programs ``names``, made from that folder if it is not there yet."""
    what = "addons" if len(names) == len(_VERSIONS) else "-".join(names)
    archive = paths.cache_home() / "images" / f"{what}-{programs.name}.tar"
    if archive.exists():
        return archive
    with locks.exclusive(archive.with_suffix(".lock")):
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
                write_archive(archive, [_image(program, programs, Path(scratch)) for program in names])
    return archive


def _image(program: str, programs: Path, scratch: Path) -> Image:
    root = scratch / program
    copy_executable(programs / program, root, program)
    layer: Layer = write_layer(scratch / f"{program}.tar", [(root, "")])
    return Image(
        reference(program),
        [layer],
        entrypoint=[f"/{program}"],
        user=_ROOT if program in {"volume-helper", "local-path-provisioner"} else _NOBODY,
    )
