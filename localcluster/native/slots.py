# SPDX-License-Identifier: Apache-2.0
"""Which cluster has which slot, for the whole machine: addresses and cgroups belong to no user.

A claim is a file that names the cluster's folder and, once it runs, its first process. A claim without its folder
belongs to a run that was killed and swept away; what it left behind is ended before the slot is given out again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcluster import locks
from localcluster.errors import NoFreeSlot
from localcluster.native import network
from localcluster.native.addresses import SLOTS, Addresses
from localcluster.process import ProcessIdentity
from localcluster.state import ClusterState

#: Emptied at each boot, as are namespaces, cgroups and links.
DEFAULT_FOLDER = Path("/run/mlops-localcluster")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a slot."""

    owner: Path
    node: ProcessIdentity | None = None

    def is_alive(self) -> bool:
        """Whether the cluster still knows of itself, running or not."""
        return ClusterState.exists(self.owner)


class Slots:
    """All claims on this machine."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self._folder = folder

    def claim(self, owner: Path, *, former: int | None = None) -> int:
        """A slot for the cluster in folder ``owner``: the one it has, or a free one.

        ``former`` is the slot that its data were made with; they are of no use in another one.
        """
        with self._lock():
            claims = self._claims()
            for slot, claim in claims.items():
                if claim.owner == owner:
                    return slot
            used = network.routed()
            for slot in range(SLOTS) if former is None else [former]:
                if slot not in claims and not _overlap(Addresses(slot), used):
                    self._write(slot, Claim(owner))
                    return slot
        if former is not None:
            raise NoFreeSlot(
                f"expected the addresses that the cluster had ({Addresses(former).link} and others), found them taken",
                remedy="`down` the cluster that has them, or `down` and `up` this one, which then begins empty",
            )
        raise NoFreeSlot(
            f"expected one of {SLOTS} address ranges in 10.89/16, 10.98/16 and 10.244/16 to be free, found none",
            remedy="`down` clusters that are not needed, or remove the machine's routes to these ranges",
        )

    def belongs_to(self, slot: int, owner: Path) -> bool:
        """Whether the cluster in folder ``owner`` has the slot now; after a reboot another may have it."""
        claim = self._read(slot)
        return claim is not None and claim.owner == owner

    def sweep(self, remove: Callable[[int, Claim], None]) -> None:
        """Free the slots of clusters whose folders were removed; ``remove`` is called first, for what they left
        running."""
        with self._lock():
            for slot, claim in self._claims().items():
                if not claim.is_alive():
                    remove(slot, claim)
                    self._path(slot).unlink()
        self._remove_if_empty()

    def record(self, slot: int, owner: Path, node: ProcessIdentity) -> None:
        """Note the first process of the cluster in ``slot``."""
        with self._lock():
            self._write(slot, Claim(owner, node))

    def release(self, slot: int) -> None:
        """Give a slot back."""
        with self._lock():
            self._path(slot).unlink(missing_ok=True)
        self._remove_if_empty()

    def _remove_if_empty(self) -> None:
        with contextlib.suppress(OSError):  # others are there
            self._folder.rmdir()

    def _claims(self) -> dict[int, Claim]:
        return {slot: claim for slot in range(SLOTS) if (claim := self._read(slot)) is not None}

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        return locks.exclusive(self._folder / "lock")

    def _path(self, slot: int) -> Path:
        return self._folder / f"slot-{slot}.json"

    def _read(self, slot: int) -> Claim | None:
        try:
            raw = json.loads(self._path(slot).read_text())
        except FileNotFoundError:
            return None
        node = raw["node"]
        identity = ProcessIdentity(**{**node, "command": tuple(node["command"])}) if node else None
        return Claim(Path(raw["owner"]), identity)

    def _write(self, slot: int, claim: Claim) -> None:
        temporary = self._path(slot).with_suffix(f".{os.getpid()}")
        node = dataclasses.asdict(claim.node) if claim.node else None
        temporary.write_text(json.dumps({"owner": str(claim.owner), "node": node}))
        os.replace(temporary, self._path(slot))


def _overlap(addresses: Addresses, used: list[ipaddress.IPv4Network]) -> bool:
    return any(ours.overlaps(theirs) for ours in addresses.networks() for theirs in used)
