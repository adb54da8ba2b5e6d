# SPDX-License-Identifier: Apache-2.0
"""Build images layer by layer, each layer cached under the hash of what goes into it.

A change of our sources rebuilds the last, small layer; a change of a lock file the wheels; a security update of the
distribution the base.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType

from images import debian, oci, python
from images.catalog import SITE, Recipe
from images.debian import Package
from images.oci import Image, Layer
from images.python import Requirement

#: Where Debian's interpreter looks for what is not the distribution's.
_SITE = "usr/local/lib/python{version}/dist-packages"
_APP = "app"

_ENVIRONMENT = {
    "PYTHONPATH": f"/{_APP}",
    # Logs must not wait in a buffer when a container ends.
    "PYTHONUNBUFFERED": "1",
    # The root is read-only and everything is compiled already.
    "PYTHONDONTWRITEBYTECODE": "1",
    # The only place that pods let us write to without asking.
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
}

Report = Callable[[str], None]


class Builder:
    """Builds into a cache folder; made once for a run, it resolves the base's packages once."""

    def __init__(self, cache: Path, report: Report = lambda _: None) -> None:
        self._cache = cache
        self._layers = cache / "layers"
        self._archives = cache / "archives"
        self._report = report

    @cached_property
    def base_packages(self) -> list[Package]:
        """The packages that the base is made of."""
        return debian.resolve_cached(self._cache / "base-packages.json")

    @cached_property
    def python_version(self) -> str:
        """The interpreter's minor version in all images."""
        return debian.python_version(self.base_packages)

    @property
    def base_reference(self) -> str:
        """The full name of the base image."""
        return f"localhost/mlops-base:py{self.python_version}"

    def base(self) -> Image:
        """The image that all others begin with."""
        return self._image(self.base_reference, [self._base_layer()], command=("python3",))

    def image(self, recipe: Recipe) -> Image:
        """The image of a recipe, its layers built if they are not there yet."""
        layers = [self._base_layer(), *self._wheel_layers(recipe.locks), self._source_layer(recipe.sources)]
        return self._image(recipe.reference, layers, recipe.entrypoint, recipe.command, recipe.environment)

    def archive(self, image: Image) -> Path:
        """The image as a file that containerd and Docker load."""
        name = image.reference.rpartition("/")[2].replace(":", "-")
        path = self._archives / f"{name}-{_key(image.digest)}.tar"
        if not path.exists():
            self._report(f"write {image.reference}")
            for outdated in self._archives.glob(f"{name}-*.tar"):
                outdated.unlink()
            oci.write_archive(path, [image])
        return path

    def _image(
        self,
        reference: str,
        layers: Sequence[Layer],
        entrypoint: Sequence[str] = (),
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Image:
        return Image(
            reference,
            layers,
            entrypoint=entrypoint,
            command=command,
            environment={**_ENVIRONMENT, **(environment or {})},
            user=f"{debian.USER_ID}:{debian.USER_ID}",
            workdir=f"/{_APP}",
        )

    # -- layers -------------------------------------------------------------------------------------------------------

    def _base_layer(self) -> Layer:
        packages = [f"{package.file} {package.checksum}" for package in self.base_packages]
        return self._layer("base", [*packages, *_contents(SITE), *_code(debian, python)], self._make_base)

    def _make_base(self, scratch: Path) -> list[tuple[Path, str]]:
        root = scratch / "base"
        root.mkdir()
        debian.unpack(self.base_packages, root)
        library = f"usr/lib/python{self.python_version}"
        site = _SITE.format(version=self.python_version)
        shutil.copytree(SITE, root / site, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        for folder in (library, site):
            python.compile_all(root / folder, shown_as=f"/{folder}", base=root)
        return [(root, "")]

    def _wheel_layers(self, locks: Sequence[Path]) -> list[Layer]:
        layers = []
        for number, lock in enumerate(locks):
            wanted = python.beyond(lock, locks[number - 1]) if number else python.read_lock(lock)
            label = f"wheels-{lock.parent.name}"
            inputs = [self.python_version, oci.architecture(), *(entry.text for entry in wanted), *_code(python)]
            layers.append(self._layer(label, inputs, partial(self._make_wheels, wanted)))
        return layers

    def _make_wheels(self, wanted: Sequence[Requirement], scratch: Path) -> list[tuple[Path, str]]:
        target = scratch / "wheels"
        python.install_wheels(wanted, target, python=self.python_version, scratch=scratch)
        site = _SITE.format(version=self.python_version)
        python.compile_all(target, shown_as=f"/{site}", base=self._unpacked_base(scratch))
        return [(target, site)]

    def _source_layer(self, sources: Sequence[Path]) -> Layer:
        names = "-".join(sorted(source.name for source in sources))
        inputs = [self.python_version, *_code(python), *(line for source in sources for line in _contents(source))]
        return self._layer(f"source-{names}", inputs, partial(self._make_sources, sources))

    def _make_sources(self, sources: Sequence[Path], scratch: Path) -> list[tuple[Path, str]]:
        target = scratch / "sources"
        python.copy_sources(sources, target)
        python.compile_all(target, shown_as=f"/{_APP}", base=self._unpacked_base(scratch))
        return [(target, _APP)]

    def _unpacked_base(self, scratch: Path) -> Path:
        """The base's file system, whose interpreter compiles."""
        root = scratch / "interpreter"
        oci.extract_layer(self._base_layer(), root)
        return root

    def _layer(self, label: str, inputs: Iterable[str], make: Callable[[Path], list[tuple[Path, str]]]) -> Layer:
        """The layer of that label for these inputs, from the cache or made; an older one of the label is removed."""
        key = _key("\0".join([label, *inputs, *_code(oci)]))
        path = self._layers / f"{label}-{key}.tar"
        if not path.exists():
            self._report(f"make layer {label}")
            self._layers.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._layers) as scratch:
                layer = oci.write_layer(path, make(Path(scratch)))
            for outdated in self._layers.glob(f"{label}-*.*"):
                if outdated.stem != path.stem:
                    outdated.unlink()
            return layer
        return Layer.of(path)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _code(*modules: ModuleType) -> list[str]:
    """The text of the project's modules: their output depends on it."""
    return [Path(str(module.__file__)).read_text() for module in modules]


def _contents(folder: Path) -> list[str]:
    """Name and hash of every file of a package, less what tools leave behind."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return [f"{path.relative_to(folder.parent)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
