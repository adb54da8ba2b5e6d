# SPDX-License-Identifier: Apache-2.0
"""What this process, and so everything it starts, may ask of the kernel."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

#: Bit of CAP_SYS_RESOURCE in capability masks (linux/capability.h).
_SYS_RESOURCE = 24

#: The kubelet's own defaults.
_KUBELET_OOM_SCORE = -999
_KUBELET_OPEN_FILES = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Containers and small virtual machines often lack the capability to raise limits and lower OOM scores."""

    may_raise: bool
    open_files: int

    @property
    def oom_score(self) -> int:
        """The OOM score for node components: protected if that is allowed, else the default."""
        return _KUBELET_OOM_SCORE if self.may_raise else 0


def detect(status: Path = Path("/proc/self/status")) -> Limits:
    """Read the effective capabilities and the limit of open files."""
    line = next(line for line in status.read_text().splitlines() if line.startswith("CapEff:"))
    may_raise = bool(int(line.split()[1], 16) >> _SYS_RESOURCE & 1)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if may_raise or hard == resource.RLIM_INFINITY:
        return Limits(may_raise, _KUBELET_OPEN_FILES)
    return Limits(may_raise, min(hard, _KUBELET_OPEN_FILES))
