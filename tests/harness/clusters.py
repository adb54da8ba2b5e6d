# SPDX-License-Identifier: Apache-2.0
"""Clusters that belong to one test process, and the ends of those whose process was killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster import Cluster
from localcluster.paths import state_home


@contextmanager
def own_cluster(purpose: str, *, fsync: bool = False) -> Iterator[Cluster]:
    """A control plane named after this process, with an audit log; gone afterwards.

    `fsync` makes etcd write to disk as it does in production, for those who measure.
    """
    _end_abandoned(purpose)
    cluster = Cluster(f"{purpose}-{os.getpid()}", "control-plane", audit=True, fsync=fsync)
    try:
        yield cluster.up()
    finally:
        cluster.down()


def _end_abandoned(purpose: str) -> None:
    for folder in state_home().glob(f"{purpose}-*"):
        pid = folder.name.removeprefix(f"{purpose}-")
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            Cluster(folder.name).down()
