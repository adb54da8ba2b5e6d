# SPDX-License-Identifier: Apache-2.0
"""A small disk of memory that can be filled and freed."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CAP_SYS_ADMIN: Final = 21
"""Number of the capability that mounting takes, in linux/capability.h."""

_PIECE: Final = b"\0" * (1 << 16)
_SMALL_PIECE: Final = b"\0" * 512


def may_mount() -> bool:
    """Whether this process may mount a file system: only root may, and not in every container."""
    effective = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> CAP_SYS_ADMIN & 1)


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system of its own.

    Attributes:
        folder: where it is mounted.
    """

    folder: Path

    @property
    def data(self) -> Path:
        """The folder for those who use the disk."""
        return self.folder / "data"

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> int:
        """Use up all that is free; the number of bytes that was."""
        with self._ballast.open("wb", buffering=0) as ballast:
            for piece in (_PIECE, _SMALL_PIECE):
                _write_until_full(ballast.fileno(), piece)
        return self._ballast.stat().st_size

    def free(self) -> None:
        """Give back what `fill` used up."""
        self._ballast.unlink()


def _write_until_full(file: int, piece: bytes) -> None:
    while True:
        try:
            os.write(file, piece)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return
            raise


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of that size on a folder while this is entered; whoever uses it must have ended by the end."""
    folder.mkdir()
    options = f"size={mebibytes}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "mlops-faults-disk", str(folder)], check=True)
    try:
        disk = SmallDisk(folder)
        disk.data.mkdir(mode=0o700)
        yield disk
    finally:
        subprocess.run(["umount", str(folder)], check=True)
