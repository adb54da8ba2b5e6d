# SPDX-License-Identifier: Apache-2.0
"""One local cluster, as programs and tests use it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from localcluster import addon_images, elevate, locks, paths
from localcluster.controlplane import ControlPlaneEngine
from localcluster.engine import ComponentStatus, Engine, EngineName, default_engine
from localcluster.errors import EngineMismatch, NotRunning, UnknownComponent, Unsupported
from localcluster.images import ensure_archives, image_digests
from localcluster.kind import KindEngine
from localcluster.kindhost import kit
from localcluster.kindhost.options import KindOptions
from localcluster.native.engine import NativeEngine
from localcluster.process import ProcessIdentity
from localcluster.progress import Progress, Quiet
from localcluster.state import ClusterState
from localcluster.tools import ensure_kind_tools, ensure_tools

DEFAULT_NAME = "mlops"


class Cluster:
    """A cluster known by its name.

    Making an instance starts nothing; :meth:`up` does. Several instances of one name are the same cluster.

        >>> cluster = Cluster("my-test", "control-plane")
        >>> cluster.up()
        >>> cluster.kubeconfig  # doctest: +SKIP
        PosixPath('.../mlops-localcluster/my-test/kubeconfig')
        >>> cluster.down()
    """

    def __init__(
        self,
        name: str = DEFAULT_NAME,
        engine: EngineName | str | None = None,
        *,
        audit: bool = False,
        fsync: bool = True,
        port: int | None = None,
        config: Path | None = None,
        patches: Sequence[Path] = (),
        image: str | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Name a cluster.

        ``engine`` None means the one it was made with, or :func:`default_engine` for a new one. ``audit`` makes the
        API server write :attr:`audit_log`; ``fsync=False`` lets etcd lose data in a power failure, for speed in tests;
        ``port`` is the API server's (control-plane engine only); ``config`` and ``patches`` are files for kind,
        ``image`` its node image, ``workers`` the number of its worker nodes (kind engine only). All of them count when
        the cluster is made.
        """
        self.name = paths.check_name(name)
        self.folder = paths.state_home() / name
        self._engine_name = EngineName(engine) if engine is not None else None
        self._audit = audit
        self._fsync = fsync
        self._port = port
        self._kind = KindOptions(config, tuple(patches), image, workers)
        self._progress = progress or Quiet()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; exists while the cluster is up."""
        return self.folder / "kubeconfig"

    def existing_kubeconfig(self) -> Path:
        """The same, but :class:`NotRunning` if the cluster was never brought up."""
        self._existing()
        if not self.kubeconfig.exists():
            raise NotRunning(f"expected cluster {self.name} to be up, found it half made", remedy="run `up` again")
        return self.kubeconfig

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: one JSON object a line. Exists if ``audit`` was asked for."""
        return self.engine().audit_log

    def up(self) -> Cluster:
        """Start it, or what is missing of it, and return when it is usable; quick if it is up already."""
        self._check_options(self._effective_engine())
        if self._needs_sudo():
            elevate.require()
            addon_images.ensure_archive(ensure_tools(self._progress))
            if self._effective_engine() == EngineName.KIND:
                ensure_kind_tools(self._progress)
            elevate.run("up", *self._as_arguments(), *self._options())
            return self
        with self._lock():
            state = ClusterState.load(self.folder)
            if state is None:
                state = ClusterState(self.name, self._wanted_engine(), audit=self._audit, fsync=self._fsync)
                state.save(self.folder)
            self._engine(state).up()
        return self

    def down(self) -> None:
        """End it and remove everything of it; nothing happens if there is nothing."""
        if self._needs_sudo():
            if self.folder.exists():
                elevate.run("down", *self._as_arguments())
            return
        with self._lock():
            state = ClusterState.load(self.folder)
            if state is not None:
                self._engine(state).down()
            if self.folder.exists():
                shutil.rmtree(self.folder)

    def status(self) -> Sequence[ComponentStatus]:
        """What runs of it; empty if there is no such cluster."""
        state = ClusterState.load(self.folder)
        return self._engine(state).status() if state is not None else []

    def engine(self) -> Engine:
        """The engine of a cluster that exists."""
        return self._engine(self._existing())

    def load_image(self, image: str | Path) -> list[str]:
        """The same as :meth:`load_images`, for one."""
        return self.load_images([image])

    def load_images(self, images: Sequence[str | Path]) -> list[str]:
        """Make images usable by pods; their references.

        Each is the path of an archive (OCI or Docker format), or the name of one of the project's own images, which is
        built first: ``mlops-workload`` or ``localhost/mlops-workload:dev``. A tag that was there is replaced.
        """
        archives = [self._archive(image) for image in images]
        if self._needs_sudo():
            elevate.run("load-image", *self._as_arguments(), *map(str, archives))
            return [reference for archive in archives for reference in sorted(image_digests(archive))]
        with self._lock():
            return self.engine().load_images(archives)

    def _archive(self, image: str | Path) -> Path:
        path = Path(image)
        if not path.is_file():
            (path,) = ensure_archives([str(image)], self._progress)
        return path.absolute()

    def clients(self) -> Path:
        """The folder of kubectl and Helm for this cluster, which exists."""
        return self.engine().clients()

    def logs(self, component: str) -> str:
        """What a component has written so far."""
        path = self.log_file(component)
        return path.read_text(errors="replace") if path.exists() else ""

    def log_file(self, component: str) -> Path:
        """The file that a component writes to."""
        engine = self.engine()
        if component not in engine.components():
            known = ", ".join(engine.components())
            raise UnknownComponent(f"expected one of {known}, found {component!r}", remedy="name one of these")
        return engine.log(component)

    def process(self, component: str) -> ProcessIdentity | None:
        """The process of a component, if it runs: for tests that stop or kill it."""
        engine = self.engine()
        find = getattr(engine, "process", None)
        return find(component) if find is not None else None

    def __enter__(self) -> Cluster:
        return self.up()

    def __exit__(self, *exc: object) -> None:
        self.down()

    def _wanted_engine(self) -> EngineName:
        return self._engine_name or default_engine()

    def _effective_engine(self) -> EngineName:
        state = ClusterState.load(self.folder)
        return EngineName(state.engine) if state is not None else self._wanted_engine()

    def _needs_sudo(self) -> bool:
        if elevate.is_root():
            return False
        engine = self._effective_engine()
        if engine == EngineName.KIND:
            return kit.needs_root(ClusterState.load(self.folder))
        return engine == EngineName.NATIVE

    def _check_options(self, engine: EngineName) -> None:
        """Raise :class:`Unsupported` for an option of another engine, which would have no effect."""
        for meant, given in ((EngineName.KIND, self._kind != KindOptions()), (EngineName.CONTROL_PLANE, self._port)):
            if given and engine != meant:
                what = "a configuration, patches, an image or workers" if meant == EngineName.KIND else "a port"
                raise Unsupported(
                    f"expected engine {meant} for {what}, found {engine}",
                    remedy=f"add --engine {meant}, or leave the option out",
                )

    def _as_arguments(self) -> list[str]:
        return ["--name", self.name, "--engine", self._effective_engine()]

    def _options(self) -> list[str]:
        """The options of `up`, as on the command line."""
        return [
            *(["--audit"] if self._audit else []),
            *([] if self._fsync else ["--no-fsync"]),
            *self._kind.with_environment().as_arguments(),
        ]

    def _lock(self) -> AbstractContextManager[None]:
        return locks.exclusive(self.folder.with_name(f"{self.name}.lock"))

    def _existing(self) -> ClusterState:
        state = ClusterState.load(self.folder)
        if state is None:
            raise NotRunning(f"expected a cluster named {self.name}, found none", remedy="start it with `up` first")
        return state

    def _engine(self, state: ClusterState) -> Engine:
        if self._engine_name not in (None, state.engine):
            raise EngineMismatch(
                f"expected cluster {self.name} to be of engine {self._engine_name}, found {state.engine}",
                remedy="choose another --name, or `down` it first",
            )
        if state.engine == EngineName.NATIVE:
            return NativeEngine(state, self.folder, self._progress)
        if state.engine == EngineName.KIND:
            return KindEngine(state, self.folder, self._progress, options=self._kind)
        return ControlPlaneEngine(state, self.folder, self._progress, port=self._port)
