# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a local cluster, each with what to do about it."""

from __future__ import annotations

from pathlib import Path


class LocalClusterError(Exception):
    """A problem that the user can act on.

    ``problem`` states what was expected and what was found, ``remedy`` what to do next.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}\n  What to do: {remedy}")
        self.problem = problem
        self.remedy = remedy


class InvalidName(LocalClusterError):
    """A cluster name that cannot be used as a folder, host and cgroup name."""


class NotRoot(LocalClusterError):
    """The native engine needs root, and there is no sudo to get it."""


class GoMissing(LocalClusterError):
    """No Go tool chain of the needed version, and none could be installed."""


class BuildFailed(LocalClusterError):
    """``go build`` ended with an error."""


class NoSpace(LocalClusterError):
    """Too little free disk space for what is about to be written."""


class PortTaken(LocalClusterError):
    """A TCP port that was asked for is in use."""


class NoFreeSlot(LocalClusterError):
    """Every address range that clusters on this machine may use is taken."""


class PackagesMissing(LocalClusterError):
    """Programs that the node needs are not installed and could not be installed."""


class DockerMissing(LocalClusterError):
    """The kind engine was asked for, but Docker does not answer."""


class KindMissing(LocalClusterError):
    """The kind engine was asked for, but there is no ``kind`` program."""


class KindNameTaken(LocalClusterError):
    """A kind cluster of that name exists and was not made by this tool."""


class ClusterNotCreated(LocalClusterError):
    """kind could not create the cluster."""


class NodesDeleted(LocalClusterError):
    """Some nodes of a kind cluster were removed without this tool."""


class InvalidConfiguration(LocalClusterError):
    """A file or an option for the kind engine that cannot be used."""


class Unsupported(LocalClusterError):
    """Something that the cluster's engine cannot do."""


class CommandFailed(LocalClusterError):
    """A program that was run for the cluster ended with an error.

    ``output`` is all of its standard error, or of its standard output where that is empty; the message has the end.
    """

    def __init__(self, problem: str, *, remedy: str, output: str = "") -> None:
        super().__init__(problem, remedy=remedy)
        self.output = output


class EngineMismatch(LocalClusterError):
    """A cluster of that name exists already, made by another engine."""


class NotRunning(LocalClusterError):
    """The cluster is not up, and what was asked for needs it up."""


class UnknownComponent(LocalClusterError):
    """No component of that name writes a log in this cluster."""


class ImageNotFound(LocalClusterError):
    """An image archive that does not exist, or a file that is none."""


class ImageNotBuilt(LocalClusterError):
    """Building one of the project's images failed."""


class StillBusy(LocalClusterError):
    """Something of the cluster could not be removed because it is in use."""


class ComponentFailed(LocalClusterError):
    """A component ended, or did not become ready in time; carries the end of its log."""

    #: Enough lines to hold a Go panic's first goroutine, few enough for one screen.
    TAIL_LINES = 15

    def __init__(self, component: str, problem: str, log: Path) -> None:
        tail = ""
        if log.exists():
            lines = log.read_text(errors="replace").splitlines()[-self.TAIL_LINES :]
            tail = "".join(f"\n    {line[:300]}" for line in lines)
        super().__init__(f"{component} {problem}; the end of its log:{tail or ' (empty)'}", remedy=f"read {log}")
        self.component = component
        self.log = log
