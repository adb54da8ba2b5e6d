# SPDX-License-Identifier: Apache-2.0
"""The node image: a root folder with the images of a whole cluster in its containerd, as one archive.

kubeadm asks for its components by names that cannot be pulled; images of those names are made from our programs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from images import oci
from images.oci import Image, copy_executable, write_archive, write_layer
from localcluster import addon_images, disk, locks, paths
from localcluster.client import wait_for
from localcluster.errors import ComponentFailed
from localcluster.kindhost import node_root
from localcluster.kindhost.node_root import Programs
from localcluster.progress import Progress
from localcluster.run import run
from localcluster.tools import kubernetes_version

REFERENCE = f"kindest/node:{kubernetes_version()}-made-here"

#: How a container of it is started.
DOCKERFILE_CHANGES = ('ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]', "ENV container=docker")

#: The image that network.yaml names.
NETWORK_REFERENCE = "localhost/mlops-localcluster/kind-network:1"

#: What kube-proxy and the network plug-in call; busybox stands for the shell and what copies files.
_NETWORK_PROGRAMS = ("xtables-nft-multi", "nft", "ip", "ipset", "conntrack", "busybox")
_NETWORK_LINKS = {
    **{
        f"{family}{suffix}": "xtables-nft-multi"
        for family in ("iptables", "ip6tables")
        for suffix in ("", "-save", "-restore")
    },
    "sh": "busybox",
    "cp": "busybox",
}
#: Folders that those load files from.
_NETWORK_FOLDERS = ("usr/lib/*/xtables", "etc/iproute2")

#: The files of this folder that determine the content of the image.
_RECIPE = ("node_image.py", "node_root.py", "network.yaml")

_STARTED_SECONDS = 30.0
#: The archive, the folder it is made from and the images' layers.
_SPACE_NEEDED = 4 << 30


def ensure_archive(programs: Programs, progress: Progress) -> Path:
    """A tar archive of the image's file system, made if it is not there for these programs and this recipe."""
    folder = paths.cache_home() / "images"
    archive = folder / f"kind-node-{_key(programs)}.tar"
    with locks.exclusive(folder / "kind-node.lock"):
        if not archive.exists():
            disk.require(folder, _SPACE_NEEDED, what="making kind's node image")
            for outdated in folder.glob("kind-node-*.tar"):
                outdated.unlink()
            with tempfile.TemporaryDirectory(dir=folder, prefix="kind-node.") as scratch:
                _make(archive, programs, Path(scratch), progress)
    return archive


def _key(programs: Programs) -> str:
    """Changes when a program does, or this recipe."""
    recipe = [(Path(__file__).parent / name).read_bytes() for name in _RECIPE]
    names = f"{programs.cluster.name} {programs.kind.name}".encode()
    return hashlib.sha256(b"\0".join([names, *recipe])).hexdigest()[:16]


def _make(archive: Path, programs: Programs, scratch: Path, progress: Progress) -> None:
    root = scratch / "root"
    with progress.step("install Debian for kind's nodes"):
        node_root.install_packages(root)
    with progress.step("make kind's node image") as step:
        references = kubeadm_images(programs.kind / "kubeadm")
        images = scratch / "images.tar"
        step.update("images of the components")
        write_archive(images, _Images(programs, root, scratch / "layers").all(references))
        step.update("root folder")
        node_root.complete(root, programs, pause_image=references["pause"])
        step.update("import of the images")
        _import_images(root, [images, addon_images.ensure_archive(programs.cluster)], scratch / "containerd.log")
        step.update("archive")
        temporary = archive.with_suffix(f".{os.getpid()}")
        run("tar", "--create", "--numeric-owner", "--directory", str(root), "--file", str(temporary), ".")
        os.replace(temporary, archive)


def kubeadm_images(kubeadm: Path) -> dict[str, str]:
    """Name of a component -> the image that kubeadm asks for."""
    text = run(str(kubeadm), "config", "images", "list", "--kubernetes-version", kubernetes_version())
    return {line.rpartition("/")[2].partition(":")[0]: line.strip() for line in text.splitlines()}


class _Images:
    """Makes images of one program each, some with what it calls."""

    def __init__(self, programs: Programs, root: Path, scratch: Path) -> None:
        self._programs = programs
        self._root = root
        self._scratch = scratch
        self._network = write_layer(scratch / "network.tar", [(self._network_folder(), "")])

    def all(self, references: dict[str, str]) -> list[Image]:
        """kubeadm's images and the network plug-in's."""
        images = [self._image(name, reference) for name, reference in references.items()]
        network = self._layer(self._programs.kind / "kube-router", "usr/local/bin")
        return [*images, Image(NETWORK_REFERENCE, [self._network, network])]

    def _image(self, name: str, reference: str) -> Image:
        program = self._programs.cluster / name
        # kubeadm's manifests call some by name, and leave others to the image.
        if name in {"coredns", "pause"}:
            return Image(reference, [self._layer(program, "")], entrypoint=[f"/{name}"])
        below = [self._network] if name == "kube-proxy" else []
        return Image(reference, [*below, self._layer(program, "usr/local/bin")])

    def _layer(self, program: Path, folder: str) -> oci.Layer:
        place = self._scratch / program.name
        copy_executable(program, place, program.name)
        return write_layer(self._scratch / f"{program.name}.tar", [(place, folder)])

    def _network_folder(self) -> Path:
        """The programs with the libraries that they need, out of the node's own root folder."""
        target = self._scratch / "network"
        (target / "usr/bin").mkdir(parents=True)
        for name in ("bin", "sbin", "usr/sbin"):
            (target / name).symlink_to("/usr/bin")
        for name in ("lib", "lib64"):
            (target / "usr" / name).mkdir()
            (target / name).symlink_to(f"usr/{name}")
        programs = [path for name in _NETWORK_PROGRAMS if (path := shutil.which(name, path=self._folders()))]
        folders = [path for pattern in _NETWORK_FOLDERS for path in self._root.glob(pattern)]
        for program in programs:
            shutil.copy(program, target / "usr/bin" / Path(program).name)
        for folder in folders:
            shutil.copytree(folder, target / folder.relative_to(self._root))
        modules = [str(path) for folder in folders for path in folder.glob("*.so")]
        for library in self._libraries([*programs, *modules]):
            place = target / library
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._root / library, place)
        for name, program in _NETWORK_LINKS.items():
            (target / "usr/bin" / name).symlink_to(program)
        return target

    def _folders(self) -> str:
        return os.pathsep.join(str(self._root / folder) for folder in ("usr/sbin", "usr/bin"))

    def _libraries(self, files: Sequence[str]) -> set[str]:
        """Shared libraries by their paths below the root, as its own linker finds them."""
        found = set()
        for file in files:
            inside = f"/{Path(file).relative_to(self._root)}"
            linked = subprocess.run(
                ["chroot", str(self._root), "ldd", inside], capture_output=True, text=True, check=False
            )
            for word in linked.stdout.split():
                if word.startswith("/"):
                    # / and /usr are one: the target has the folders of /usr alone.
                    found.add(word.lstrip("/") if word.startswith("/usr/") else f"usr{word}")
        return found


def _import_images(root: Path, archives: Sequence[Path], log: Path) -> None:
    """Load archives into the root's containerd, which runs from there for as long as it takes."""
    with _containerd(root, log):
        for archive in archives:
            with archive.open("rb") as stream:
                # Unpacked when they are first used: snapshots cannot be carried in an image.
                run("chroot", str(root), "ctr", "-n", "k8s.io", "images", "import", "--no-unpack", "-", stdin=stream)


@contextmanager
def _containerd(root: Path, log: Path) -> Iterator[None]:
    # The plug-in for Kubernetes wants networks and cgroups, which importing images does not.
    config = root / "run/import.toml"
    config.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["chroot", str(root), "containerd", "--config", "/run/import.toml"], stdout=output, stderr=output
        )
    socket = root / "run/containerd/containerd.sock"
    try:
        if not wait_for(lambda: socket.exists() or process.poll() is not None, seconds=_STARTED_SECONDS):
            raise ComponentFailed("containerd", "did not open its socket", log)
        yield
    finally:
        process.terminate()
        process.wait()
        config.unlink()
        shutil.rmtree(root / "run/containerd", ignore_errors=True)
