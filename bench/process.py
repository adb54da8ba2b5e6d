"""The operator as its own process with production flags, and what that process uses."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.error import URLError
from urllib.request import urlopen

ROOT: Final = Path(__file__).resolve().parent.parent
CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
START_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the process began, and resident memory in bytes."""

    cpu_seconds: float
    resident_bytes: int


class OperatorProcess:
    """Runs `mlops_operator run` while it is entered.

    Args:
        kubeconfig: the cluster.
        port: loopback port of health and metrics.
    """

    def __init__(self, kubeconfig: Path, *, port: int = 27080) -> None:
        self._port = port
        self._command = [
            sys.executable,
            *("-m", "mlops_operator", "run", f"--kubeconfig={kubeconfig}", "--no-leader-elect"),
            f"--metrics-bind-address=127.0.0.1:{port}",
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.ready_after = 0.0

    def __enter__(self) -> Self:
        started = time.monotonic()
        log = tempfile.NamedTemporaryFile(prefix="mlops-operator-", suffix=".log", delete=False)
        self.log = Path(log.name)
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
        self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        try:
            self._wait_until_ready(started + START_TIMEOUT)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.ready_after = time.monotonic() - started
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def usage(self) -> Usage:
        """What the process has used so far."""
        assert self._process is not None
        folder = Path("/proc") / str(self._process.pid)
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        pages = int((folder / "statm").read_text().split()[1])
        return Usage((int(fields[11]) + int(fields[12])) / CLOCK_TICKS, pages * os.sysconf("SC_PAGE_SIZE"))

    def _wait_until_ready(self, deadline: float) -> None:
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"the operator ended with {self._process.returncode}: {self.log.read_text()[-2000:]}"
                )
            try:
                with urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise RuntimeError(f"the operator was not ready within {START_TIMEOUT:.0f} s: {self.log.read_text()[-2000:]}")
