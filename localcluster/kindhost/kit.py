# SPDX-License-Identifier: Apache-2.0
"""What a kind cluster is made with: the machine's Docker, kind and node image, or those of this package where one is
missing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localcluster import elevate
from localcluster.engine import docker_answers
from localcluster.errors import DockerMissing, ImageNotFound, KindMissing, LocalClusterError
from localcluster.kindhost import limits, node_image, provider
from localcluster.kindhost.docker import PROGRAMS, OwnDocker
from localcluster.kindhost.node_root import Programs
from localcluster.native import packages
from localcluster.progress import Progress
from localcluster.run import run, search_path
from localcluster.state import ClusterState
from localcluster.tools import ensure_kind_tools, ensure_tools, module_folder


def needs_root(state: ClusterState | None) -> bool:
    """Whether the cluster has, or would get, a Docker of its own."""
    if state is not None and state.kind_created:
        return state.slot is not None
    return not docker_answers()


@dataclass(frozen=True, slots=True)
class Kit:
    """Finds the parts of one cluster, and makes them if asked."""

    state: ClusterState
    folder: Path
    progress: Progress

    @property
    def own_docker(self) -> OwnDocker | None:
        """The cluster's own Docker; None if it is in the machine's."""
        return OwnDocker(self.state, self.folder, self.progress) if self.state.slot is not None else None

    @property
    def image(self) -> str | None:
        """The node image to name; None for the one that the machine's kind takes by itself."""
        return self.state.kind_image or (node_image.REFERENCE if self.state.kind_made_here else None)

    def prepare(self) -> None:
        """Make sure that :meth:`kind` and :meth:`docker` can be run, and that kind has a node image or can pull one."""
        provider.require_docker()
        limits.note_few_inotify_instances(self.progress)
        docker = self.own_docker
        if docker is None and not self.state.kind_created and not docker_answers():
            _require_root(_docker_missing())
            docker = OwnDocker(self.state, self.folder, self.progress)
        if docker is not None or (not self.state.kind_created and shutil.which("kind") is None):
            self.state.kind_made_here = True
        if docker is not None:
            packages.ensure(self.progress, PROGRAMS)
            docker.up(programs=ensure_tools(self.progress), runtime=ensure_kind_tools(self.progress) / "narrow-runc")
        if self.state.kind_image is not None:
            if docker is not None:
                self._require_image(self.state.kind_image, docker)
        elif self.state.kind_made_here:
            self.make_image()

    def _require_image(self, image: str, docker: OwnDocker) -> None:
        """Raise unless the cluster's own Docker, which cannot pull, has the node image that was named."""
        if image != node_image.REFERENCE:
            if not self.docker("images", "--quiet", image).strip():
                host = docker.environment["DOCKER_HOST"]
                raise ImageNotFound(
                    f"expected the node image {image} in the cluster's own Docker, which cannot pull; found none",
                    remedy=f"run `DOCKER_HOST={host} docker load --input FILE`, then `up` again; or leave out --image",
                )
            return
        self.make_image()

    def make_image(self) -> None:
        """Build kind and the node image, and give the image to the cluster's Docker."""
        self.state.kind_made_here = True
        if self.docker("images", "--quiet", node_image.REFERENCE).strip():
            return
        _require_root(KindMissing("expected kind and a node image, found none", remedy=_remedy("kind")))
        packages.ensure(self.progress, PROGRAMS)
        programs = Programs(
            ensure_tools(self.progress),
            ensure_kind_tools(self.progress),
            module_folder("sigs.k8s.io/kind", self.progress),
        )
        archive = node_image.ensure_archive(programs, self.progress)
        with self.progress.step("give Docker the node image"), archive.open("rb") as stream:
            changes = [f"--change={change}" for change in node_image.DOCKERFILE_CHANGES]
            self.docker("import", *changes, "-", node_image.REFERENCE, stdin=stream)

    def kind(self, *arguments: str) -> str:
        """Run kind to its end; its standard output."""
        program = "kind"
        if self.state.kind_made_here:
            program = str(ensure_kind_tools(self.progress) / "kind")
        return run(program, *arguments, environment={**self._environment, **provider.ENVIRONMENT})

    def docker(self, *arguments: str, stdin: IO[bytes] | None = None) -> str:
        """Run docker to its end; its standard output."""
        return run("docker", *arguments, stdin=stdin, environment=self._environment)

    @property
    def _environment(self) -> dict[str, str]:
        docker = self.own_docker
        return docker.environment if docker is not None else {}


def _require_root(problem: LocalClusterError) -> None:
    """Raise ``problem`` unless we are root, who can make what is missing."""
    if not elevate.is_root():
        raise problem


def _docker_missing() -> DockerMissing:
    if shutil.which("docker") is None and shutil.which("dockerd", path=search_path()) is not None:
        package = packages.package_of("docker", PROGRAMS)
        return DockerMissing(
            "expected the program `docker` beside `dockerd`, found `dockerd` alone",
            remedy=f"install its package, such as `apt-get install {package}`, or use --engine native",
        )
    return DockerMissing("expected `docker version` to answer, it does not", remedy=_remedy("Docker"))


def _remedy(what: str) -> str:
    return f"install or start {what}, run this as root to have it made, or use --engine native"
