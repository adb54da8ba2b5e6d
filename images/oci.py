# SPDX-License-Identifier: Apache-2.0
"""Write OCI images as tar archives that containerd, Docker and Podman all load.

Layers are plain tar files whose bytes depend on their contents alone: sorted, owned by root, one fixed time stamp.
They are not compressed: images go to a cluster on the same machine, and compression would cost more than it saves.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import tarfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

#: The one modification time of every file; any constant after 1980 would do (zip files begin there).
EPOCH = 1700000000

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"

#: World-writable folders with the sticky bit.
_FOR_ALL_USERS = ("tmp", "var/tmp")

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Machine names of Python, and those of Go, which the OCI uses.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """The architecture of images built on this machine."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer on disk; its digest is that of the uncompressed tar, which is what it is."""

    path: Path
    digest: str
    size: int

    @classmethod
    def of(cls, path: Path) -> Layer:
        """The layer that :func:`write_layer` wrote to ``path``."""
        return cls(path, _digest_file(path).read_text(), path.stat().st_size)


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its layers, bottom first, and how a container of it is started."""

    reference: str
    layers: Sequence[Layer]
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> bytes:
        """The image's configuration document."""
        environment = {"PATH": _PATH, **self.environment}
        document: dict[str, Any] = {
            "architecture": architecture(),
            "os": "linux",
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH)),
            "config": {
                "Env": [f"{name}={value}" for name, value in environment.items()],
                "WorkingDir": self.workdir,
                **({"Entrypoint": list(self.entrypoint)} if self.entrypoint else {}),
                **({"Cmd": list(self.command)} if self.command else {}),
                **({"User": self.user} if self.user else {}),
                **({"Labels": dict(self.labels)} if self.labels else {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in self.layers]},
        }
        return _canonical(document)

    def manifest(self) -> bytes:
        """The image's manifest, which its digest is the digest of."""
        return _canonical(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _descriptor(_CONFIG, self.config()),
                "layers": [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in self.layers],
            }
        )

    @property
    def digest(self) -> str:
        """What names the image's contents."""
        return _digest(self.manifest())


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def write_layer(target: Path, roots: Iterable[tuple[Path, str]]) -> Layer:
    """Write one layer from folders, each put under a relative prefix (``""`` for the root).

    Of a file's owner, times and permissions only one bit is taken over: whether it can be executed. The rest would
    depend on who builds, with which umask.
    """
    temporary = target.with_name(f"{target.name}.{os.getpid()}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
        seen: set[str] = set()
        for root, prefix in roots:
            for parent in (*reversed(Path(prefix).parents), Path(prefix)):
                _add_folder(archive, str(parent), seen)
            for path in _walk(root):
                name = str(Path(prefix) / path.relative_to(root))
                if name not in seen:
                    seen.add(name)
                    _add(archive, path, name)
    with temporary.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    # Kept beside the layer: reading hundreds of megabytes again for it takes a second. Written first, so that there is
    # no layer without one.
    _digest_file(target).write_text(digest)
    os.replace(temporary, target)
    return Layer(target, digest, target.stat().st_size)


def _digest_file(layer: Path) -> Path:
    return layer.with_suffix(".digest")


def _walk(root: Path) -> list[Path]:
    """Everything under ``root``, folders before what is in them; symbolic links are not followed."""
    found = [Path(folder) / name for folder, folders, files in os.walk(root) for name in (*folders, *files)]
    return sorted(found)


def _normalised(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = EPOCH
    member.pax_headers = {}
    return member


def _add_folder(archive: tarfile.TarFile, name: str, seen: set[str]) -> None:
    if name == "." or name in seen:
        return
    seen.add(name)
    member = _normalised(tarfile.TarInfo(name))
    member.type = tarfile.DIRTYPE
    member.mode = 0o755
    archive.addfile(member)


def _mode(member: tarfile.TarInfo) -> int:
    if member.issym():
        return 0o777
    if member.name in _FOR_ALL_USERS:
        return 0o1777
    return 0o755 if member.isdir() or member.mode & 0o111 else 0o644


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    member = archive.gettarinfo(path, arcname=name)
    if member.islnk():
        # Hard links depend on what else is in the archive: two files are simpler.
        member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.stat().st_size
    _normalised(member)
    member.mode = _mode(member)
    if member.isreg():
        with path.open("rb") as file:
            archive.addfile(member, file)
    else:
        archive.addfile(member)


def extract_layer(layer: Layer, target: Path) -> None:
    """Unpack a layer that :func:`write_layer` wrote, as the user who runs this."""
    with tarfile.open(layer.path) as archive:
        archive.extractall(target, filter="tar")


def write_archive(target: Path, images: Sequence[Image]) -> None:
    """Write images to one archive, both in OCI layout and as ``docker load`` reads it; shared layers are kept once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{os.getpid()}")
    index = {
        "schemaVersion": 2,
        "mediaType": _INDEX,
        "manifests": [
            {
                **_descriptor(_MANIFEST, image.manifest()),
                "platform": {"architecture": architecture(), "os": "linux"},
                "annotations": {
                    "io.containerd.image.name": image.reference,
                    "org.opencontainers.image.ref.name": image.reference.rpartition(":")[2],
                },
            }
            for image in images
        ],
    }
    docker = [
        {
            "Config": _blob(_digest(image.config())),
            "RepoTags": [image.reference],
            "Layers": [_blob(layer.digest) for layer in image.layers],
        }
        for image in images
    ]
    blobs = {content_digest: content for image in images for content_digest, content in _documents(image)}
    with tarfile.open(temporary, "w") as archive:
        _add_bytes(archive, "oci-layout", _canonical({"imageLayoutVersion": "1.0.0"}))
        _add_bytes(archive, "index.json", _canonical(index))
        _add_bytes(archive, "manifest.json", json.dumps(docker, separators=(",", ":")).encode())
        for digest, content in sorted(blobs.items()):
            _add_bytes(archive, _blob(digest), content)
        layers = {layer.digest: layer for image in images for layer in image.layers}
        for digest, layer in layers.items():
            with layer.path.open("rb") as file:
                _add_stream(archive, _blob(digest), file, layer.size)
    os.replace(temporary, target)


def _documents(image: Image) -> list[tuple[str, bytes]]:
    return [(_digest(content), content) for content in (image.config(), image.manifest())]


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    _add_stream(archive, name, io.BytesIO(content), len(content))


def _add_stream(archive: tarfile.TarFile, name: str, stream: IO[bytes], size: int) -> None:
    member = _normalised(tarfile.TarInfo(name))
    member.size = size
    member.mode = 0o644
    archive.addfile(member, stream)


def archive_digests(path: Path) -> dict[str, str]:
    """Image references in an archive, each with a digest of what it names.

    Raises ``ValueError`` if the file is no image archive.
    """
    try:
        with tarfile.open(path) as archive:
            names = set(archive.getnames())
            if "index.json" in names:
                found = _oci_digests(_json_member(archive, "index.json"))
                if found:
                    return found
            if "manifest.json" in names:
                return {
                    tag: str(one["Config"]) for one in _json_member(archive, "manifest.json") for tag in one["RepoTags"]
                }
    except (tarfile.TarError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"expected an image archive at {path}, found something else: {error}") from error
    raise ValueError(f"expected index.json or manifest.json in {path}, found neither")


def _oci_digests(index: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for manifest in index["manifests"]:
        annotations = manifest.get("annotations", {})
        # `docker save` and `podman save` name the image in one or the other.
        name = annotations.get("io.containerd.image.name") or annotations.get("org.opencontainers.image.ref.name", "")
        if name:
            found[name] = str(manifest["digest"])
    return found


def _json_member(archive: tarfile.TarFile, name: str) -> Any:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    return json.load(member)


def copy_executable(source: Path, folder: Path, name: str) -> None:
    """Put a program into a folder that becomes a layer."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / name)
    (folder / name).chmod(0o755)
