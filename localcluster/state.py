# SPDX-License-Identifier: Apache-2.0
"""What a cluster remembers about itself between commands."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from localcluster.process import ProcessIdentity

_FILE = "cluster.json"


@dataclass(slots=True)
class ClusterState:
    """The contents of ``cluster.json``."""

    name: str
    engine: str
    #: Port of the API server on loopback (control-plane engine).
    port: int | None = None
    #: Number of the address range (native engine, and kind with a Docker of its own).
    slot: int | None = None
    audit: bool = False
    fsync: bool = True
    #: Whether the kind cluster of that name was made by us (kind engine).
    kind_created: bool = False
    #: The node image that was named (kind engine); None for kind's own or the one that is made here.
    kind_image: str | None = None
    #: The nodes that the kind cluster was made with.
    kind_nodes: list[str] = field(default_factory=list)
    #: Whether kind and the node image were made by this package (kind engine); with a slot, Docker is the cluster's
    #: own.
    kind_made_here: bool = False
    #: Processes by component; of a native node only its first one, which ends all others.
    processes: dict[str, ProcessIdentity] = field(default_factory=dict)
    #: Image references and the digest of the archive each came from.
    images: dict[str, str] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write to ``folder``, atomically: a crash leaves the former state or this one."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{_FILE}.new"
        temporary.write_text(json.dumps(dataclasses.asdict(self), indent=1))
        os.replace(temporary, folder / _FILE)

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Whether something was saved in ``folder``."""
        return (folder / _FILE).exists()

    @classmethod
    def load(cls, folder: Path) -> ClusterState | None:
        """What was saved in ``folder``; None if nothing was."""
        try:
            raw = json.loads((folder / _FILE).read_text())
        except FileNotFoundError:
            return None
        raw["processes"] = {
            component: ProcessIdentity(**{**fields, "command": tuple(fields["command"])})
            for component, fields in raw["processes"].items()
        }
        return cls(**raw)
