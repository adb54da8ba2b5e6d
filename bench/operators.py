# SPDX-License-Identifier: Apache-2.0
"""The measured operator as its own process, with production flags."""

from pathlib import Path
from typing import Final, Self

from bench.processes import Process
from bench.systems import System
from localcluster import ports

START_TIMEOUT: Final = 120.0


class Operator(Process):
    """One replica.

    Args:
        system: which operator.
        kubeconfig: the cluster, or a proxy in front of it.
        log: file of its log.
        identity: name of the pod that it would be; the same name again is a container that was started again.
    """

    def __init__(self, system: System, kubeconfig: Path, *, log: Path, identity: str) -> None:
        reservation = ports.reserve(identity)
        reservation.release()
        self._url = f"http://127.0.0.1:{reservation.port}{system.ready}"
        super().__init__(system.command(kubeconfig, reservation.port), log=log, environment={"POD_NAME": identity})

    async def ready(self) -> float:
        """Wait until it reports ready. Returns the seconds since its start."""
        return await self.answers(self._url, within=START_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
