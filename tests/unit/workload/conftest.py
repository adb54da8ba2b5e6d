# SPDX-License-Identifier: Apache-2.0
"""What the data plane's tests share: digits models trained once, and the environment of a run."""

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from mlops_contract.models.result import Result, parse_result
from mlops_workload.digest import digest_path

ROOT = Path(__file__).parents[3]
UID = "3f6c1c1e-run"


class Digits(NamedTuple):
    """The two halves of scikit-learn's digits."""

    train_x: NDArray[np.float64]
    train_y: NDArray[np.int64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.int64]


class SavedModel(NamedTuple):
    model: SVC
    path: Path
    digest: str


class RunEnvironment:
    """The environment variables of one run, and the termination message it leaves."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.message_path = folder / "termination-log"
        self.output = folder / "output"
        self._patch = patch
        self.set("MLOPS_RUN_UID", UID)
        self.set("MLOPS_RESULT_PATH", str(self.message_path))
        self.set("MLOPS_OUTPUT_URI", f"file://{self.output}")
        self.set("MLOPS_PVC_ROOT", str(folder / "pvc"))

    def set(self, name: str, value: str) -> None:
        self._patch.setenv(name, value)

    def unset(self, name: str) -> None:
        self._patch.delenv(name)

    @property
    def message(self) -> str:
        return self.message_path.read_text() if self.message_path.exists() else ""

    @property
    def result(self) -> Result:
        return parse_result(self.message, uid=UID)


@pytest.fixture
def run_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunEnvironment:
    for name in [name for name in os.environ if name.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    return RunEnvironment(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def digits() -> Digits:
    bunch = load_digits()
    return Digits(bunch.data[:898], bunch.target[:898], bunch.data[898:], bunch.target[898:])


@pytest.fixture(scope="session")
def good_model(digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    return _saved(SVC(gamma=0.001).fit(digits.train_x, digits.train_y), tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def bad_model(digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    shuffled = np.random.default_rng(0).permutation(digits.train_y)
    return _saved(SVC(gamma=0.001).fit(digits.train_x, shuffled), tmp_path_factory.mktemp("bad"))


def _saved(model: SVC, folder: Path) -> SavedModel:
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return SavedModel(model, path, digest_path(path))


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def server_python() -> str:
    """An interpreter that has kserve: this one, or the one the environment names."""
    if importlib.util.find_spec("kserve") is not None:
        return sys.executable
    named = os.environ.get("MLOPS_SERVER_PYTHON")
    if named is None:
        pytest.skip("kserve is not installed here, and MLOPS_SERVER_PYTHON names no interpreter that has it")
    return named


class Process:
    """A process of our own with its output in a file; ended when the test ends."""

    def __init__(self, command: list[str], *, environ: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as stream:
            self.popen = subprocess.Popen(command, env=environ, stdout=stream, stderr=subprocess.STDOUT, cwd=log.parent)

    @property
    def output(self) -> str:
        return self._log.read_text()

    def end(self, *, timeout: float = 40) -> int:
        self.popen.terminate()
        return self.popen.wait(timeout)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(command: list[str], **extra: Any) -> Process:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
        environ |= {"PYTHONPATH": str(ROOT / "operator"), "PYTHONUNBUFFERED": "1"} | extra
        process = Process(command, environ=environ, log=tmp_path_factory.mktemp("process") / "log")
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.wait()
