# SPDX-License-Identifier: Apache-2.0
"""The scripts of examples/digits, on the real data, with the figures the story tells."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from mlops_contract.models.result import Result, parse_result
from mlops_workload.digest import digest_path
from mlops_workload.errors import ModelLoadFailedError
from mlops_workload.formats import load_model
from mlops_workload.holdout import Holdout

from .conftest import ROOT, UID, Process

SCRIPTS = ROOT / "examples" / "digits"

Start = Callable[..., Process]


class Store(NamedTuple):
    """The prepared data, and the digests the script printed."""

    root: Path
    digests: dict[str, str]

    def load(self, name: str) -> dict[str, NDArray[Any]]:
        with np.load(self.root / "digits" / f"{name}.npz") as arrays:
            return dict(arrays)


def script(name: str, *words: str, environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), *words],
        env={"PATH": "", "PYTHONPATH": str(ROOT / "operator")} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("claims")
    printed = script("prepare.py", "--to", "pvc://digits", environ={"MLOPS_PVC_ROOT": str(root)})
    return Store(root, json.loads(printed))


class Trained(NamedTuple):
    result: Result
    output: Path

    @property
    def model(self) -> Any:
        return joblib.load(self.output / "model.joblib")


def train(
    store: Store, folder: Path, *, log: Path | None = None, holdout: Holdout | None = None, **parameters: Any
) -> Trained:
    data = [{"name": "train", "uri": "pvc://digits/train.npz", "digest": store.digests["train"]}]
    if log is not None:
        data.append({"name": "log", "uri": str(log)})
    environ = {
        "MLOPS_RUN_UID": UID,
        "MLOPS_RESULT_PATH": str(folder / "message"),
        "MLOPS_OUTPUT_URI": str(folder / "output"),
        "MLOPS_PVC_ROOT": str(store.root),
        "MLOPS_DATA": json.dumps(data),
        "MLOPS_PARAMETERS": json.dumps(parameters),
        "MLOPS_SEED": "7",
        **({"MLOPS_HOLDOUT": holdout.to_json()} if holdout is not None else {}),
    }
    script("train.py", environ=environ)
    return Trained(parse_result((folder / "message").read_text(), uid=UID), folder / "output")


@pytest.fixture(scope="module")
def first_version(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(store, tmp_path_factory.mktemp("first"), gamma=0.001)


def accuracy(model: Any, rows: dict[str, NDArray[Any]]) -> float:
    return float(model.score(rows["X"], rows["y"]))


class Collected(NamedTuple):
    """The second half of the images, as they were collected."""

    data: NDArray[Any]
    row: NDArray[Any]


def second_half() -> Collected:
    return Collected(load_digits().data[898:], np.arange(898, 1797))


def shifted(rows: NDArray[Any]) -> NDArray[Any]:
    return np.pad(rows.reshape(-1, 8, 8), ((0, 0), (0, 0), (1, 0)))[:, :, :8].reshape(-1, 64)


def write_log(folder: Path, pool: dict[str, NDArray[Any]], *, images: int) -> Path:
    """A prediction log with labeled shifted images, some images twice, some rows of other kinds."""
    folder.mkdir()
    chosen = np.random.default_rng(7).permutation(len(pool["y"]))[:images]
    moved = shifted(pool["X"])
    requests: list[str] = []
    labels: list[str] = []

    def log(index: int, *, labeled: bool = True, **changes: Any) -> None:
        row = {"id": f"r{len(requests)}", "group": int(pool["row"][index]), "prediction": 1, "shifted": True}
        if labeled:
            labels.append(json.dumps({"id": row["id"], "label": int(pool["y"][index])}) + "\n")
        requests.append(json.dumps({"inputs": moved[index].tolist()} | row | changes) + "\n")

    for index in [*chosen, *chosen[:50]]:
        log(index)
    for index in range(100):
        log(index, shifted=False, inputs=pool["X"][index].tolist())
    log(chosen[0], labeled=False)
    (folder / "requests.jsonl").write_text("".join(requests) + requests[0][:30])
    (folder / "labels.jsonl").write_text("".join(labels))
    return folder


def test_the_rows_are_divided_as_promised(store: Store) -> None:
    first, pool, holdout = (store.load(name) for name in ("train", "pool", "holdout"))
    assert first["row"].tolist() == list(range(898))
    assert holdout["row"].tolist() == [row for row in range(898, 1797) if row % 3 == 0]
    assert sorted([*pool["row"], *holdout["row"]]) == list(range(898, 1797))
    assert (len(first["y"]), len(pool["y"]), len(holdout["y"])) == (898, 600, 299)


def test_the_frozen_rows_know_nothing_of_the_shift(store: Store) -> None:
    """The gate must not know the drift in advance: its frozen rows are images as they were collected."""
    holdout = store.load("holdout")
    assert set(holdout["slice"]) == {"original"}
    collected = second_half()
    assert np.array_equal(holdout["X"], collected.data[collected.row % 3 == 0])


def test_no_image_of_the_holdout_is_trained_on_even_shifted(store: Store) -> None:
    def images(rows: NDArray[Any]) -> set[bytes]:
        return {row.tobytes() for row in rows}

    first, pool, holdout = (store.load(name)["X"] for name in ("train", "pool", "holdout"))
    trained_on = images(first) | images(shifted(first)) | images(pool) | images(shifted(pool))
    assert not trained_on & images(holdout)


def test_the_data_are_the_same_every_time(store: Store, tmp_path: Path) -> None:
    again = json.loads(script("prepare.py", "--to", str(tmp_path), environ={}))
    assert again == store.digests
    assert again == {name: digest_path(tmp_path / f"{name}.npz") for name in again}


def test_the_first_version_scores_0_9689_on_the_second_half(first_version: Trained, store: Store) -> None:
    result = first_version.result
    assert result.metrics["accuracy"] == pytest.approx(871 / 899)
    assert result.counts == {"rows": 899, "train_rows": 898, "shifted_rows": 0}
    assert [(artifact.name, artifact.format) for artifact in result.artifacts] == [
        ("golden", "golden-v1"),
        ("model", "sklearn"),
        ("training-rows", "row-hashes-v1"),
        ("environment", "python-environment-v1"),
    ]
    assert [(entry.name, entry.digest) for entry in result.data] == [("train", store.digests["train"])]


def test_shifted_images_are_the_first_versions_downfall(first_version: Trained, store: Store) -> None:
    pool, holdout = store.load("pool"), store.load("holdout")
    assert accuracy(first_version.model, pool) == pytest.approx(0.9717, abs=5e-5)
    assert first_version.model.score(shifted(pool["X"]), pool["y"]) == pytest.approx(0.4967, abs=5e-5)
    assert accuracy(first_version.model, holdout) == pytest.approx(0.9632, abs=5e-5)


HOLDOUT = Holdout(key="uid-of-the-model", share=0.5)


def test_retraining_on_the_logged_images_cures_it_on_images_that_were_held_out(store: Store, tmp_path: Path) -> None:
    pool = store.load("pool")
    log = write_log(tmp_path / "log", pool, images=600)
    second = train(store, tmp_path, log=log, holdout=HOLDOUT)
    held = np.asarray([HOLDOUT.holds(int(row)) for row in pool["row"]])
    assert held.sum() == 312
    assert second.result.counts["shifted_rows"] == 600 - 312
    assert second.result.counts["held_out"] == sum(HOLDOUT.holds(group) for group in groups(log))
    assert second.model.score(shifted(pool["X"][held]), pool["y"][held]) == pytest.approx(0.98, abs=0.015)
    assert accuracy(second.model, store.load("holdout")) == pytest.approx(0.9699, abs=0.005)
    assert [entry.name for entry in second.result.data] == ["train", "log"]
    assert second.result.data[1].digest == digest_path(log)


def groups(log: Path) -> list[int]:
    lines = (log / "requests.jsonl").read_text().splitlines()[:-1]
    return [json.loads(line)["group"] for line in lines]


def test_without_a_holdout_every_logged_image_is_trained_on(store: Store, tmp_path: Path) -> None:
    second = train(store, tmp_path, log=write_log(tmp_path / "log", store.load("pool"), images=300))
    assert second.result.counts == {"rows": 599, "train_rows": 1198, "shifted_rows": 300}


def test_shuffled_labels_make_a_really_bad_model(store: Store, tmp_path: Path) -> None:
    bad = train(store, tmp_path, sabotage="labels")
    assert bad.result.metrics["accuracy"] < 0.3


def test_a_sabotaged_file_is_no_model(store: Store, tmp_path: Path) -> None:
    broken = train(store, tmp_path, sabotage="pickle")
    assert [artifact.format for artifact in broken.result.artifacts if artifact.name == "model"] == ["sklearn"]
    with pytest.raises(ModelLoadFailedError):
        load_model(broken.output / "model.joblib", format="sklearn")


class Live:
    """A client that sends to a server, with what it said so far."""

    def __init__(self, process: Process, log: Path, shift: Path, stats_port: int) -> None:
        self.process = process
        self._log = log
        self._shift = shift
        self._stats_port = stats_port

    def shift(self, value: str) -> None:
        self._shift.write_text(value)

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._stats_port}/stats", timeout=5) as response:
            document: dict[str, Any] = json.load(response)
            return document

    def rows(self) -> list[dict[str, Any]]:
        """The requests that have a label, each with it."""
        labels = {row["id"]: row["label"] for row in self._lines("labels")}
        return [row | {"label": labels[row["id"]]} for row in self._lines("requests") if row["id"] in labels]

    def _lines(self, kind: str) -> list[dict[str, Any]]:
        files = sorted(self._log.glob(f"*-{kind}.jsonl"))
        lines = [line for path in files for line in path.read_text().splitlines(keepends=True)]
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait(self, condition: Callable[[], bool], *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.popen.poll() is None, self.process.output
            assert time.monotonic() < deadline, self.process.output
            time.sleep(0.05)


LiveOn = Callable[[str], Live]


@pytest.fixture
def live_on(start: Start, free_port: Callable[[], int], store: Store, tmp_path: Path) -> LiveOn:
    """Starts a client of the server at a URL, with its log in `log` below the test's folder."""

    def begin(url: str) -> Live:
        log, shift, stats_port = tmp_path / "log", tmp_path / "shift", free_port()
        shift.write_text("0\n")
        options = {"--url": url, "--model": "digits", "--pool": "pvc://digits/pool.npz", "--log": str(log)}
        options |= {"--shift-file": str(shift), "--rate": "100", "--stats-port": str(stats_port)}
        words = [word for pair in options.items() for word in pair]
        process = start([sys.executable, str(SCRIPTS / "client.py"), *words], MLOPS_PVC_ROOT=str(store.root))
        return Live(process, log, shift, stats_port)

    return begin


@pytest.fixture
def served(start: Start, server_python: str, free_port: Callable[[], int], first_version: Trained) -> str:
    """The URL of a server with the first version."""
    port = free_port()
    options = {"--model-name": "digits", "--model-version": "digits-a", "--model-dir": str(first_version.output)}
    options |= {"--format": "sklearn", "--port": str(port)}
    server = start([server_python, "-m", "mlops_workload.serve", *[w for pair in options.items() for w in pair]])
    deadline = time.monotonic() + 60
    while "running on" not in server.output:
        assert time.monotonic() < deadline, server.output
        time.sleep(0.05)
    return f"http://127.0.0.1:{port}"


def test_the_client_records_every_answer_and_sees_the_shift(
    served: str, live_on: LiveOn, store: Store, first_version: Trained, tmp_path: Path
) -> None:
    # Given a served first version and a client
    live = live_on(served)
    # When it has sent the whole pool once, and then the whole pool shifted
    live.wait(lambda: len(live.rows()) >= 600)
    live.shift("1\n")
    live.wait(lambda: sum(row["shifted"] for row in live.rows()) >= 600)
    stats = live.stats()
    assert live.process.end() == 0
    # Then nothing failed, and the log holds what this model says of each image, all of the pool before any again
    assert (stats["failed"], stats["failures"]) == (0, [])
    assert stats["byVersion"]["digits-a"] == {"answered": stats["answered"], "correct": stats["correct"]}
    rows = live.rows()
    assert len({row["id"] for row in rows}) == len(rows)
    first_round = sorted(rows, key=lambda row: int(row["id"].rpartition("-")[2]))[:600]
    assert sorted(row["group"] for row in first_round) == store.load("pool")["row"].tolist()
    said = first_version.model.predict([row["inputs"] for row in rows])
    assert said.tolist() == [row["prediction"] for row in rows]
    # And the accuracy is that of the data: 0.9717 as they are, 0.4967 shifted
    for moved, low, high in ((False, 0.95, 0.99), (True, 0.44, 0.56)):
        right = [row["prediction"] == row["label"] for row in rows if row["shifted"] is moved]
        assert low <= np.mean(right) <= high
    last = json.loads(live.process.output.splitlines()[-1])
    assert (last["failed"], last["shift"], last["sent"]) == (0, 1, len(rows))
    assert last["rolling"]["digits-a"]["n"] == 200
    # And the labeled shifted images are what a retraining needs, judged by those that were held out from it
    second = train(store, tmp_path, log=tmp_path / "log", holdout=HOLDOUT)
    pool = store.load("pool")
    held = np.asarray([HOLDOUT.holds(int(row)) for row in pool["row"]])
    assert second.model.score(shifted(pool["X"][held]), pool["y"][held]) >= 0.93
    assert accuracy(second.model, store.load("holdout")) >= 0.93


def test_the_client_counts_every_failure_and_repeats_none(live_on: LiveOn, free_port: Callable[[], int]) -> None:
    # Given nobody who listens
    live = live_on(f"http://127.0.0.1:{free_port()}")
    live.wait(lambda: len(live.rows()) >= 50)
    live.process.popen.send_signal(signal.SIGTERM)
    assert live.process.popen.wait(20) == 0
    # Then each request is one failure and one row without an answer
    last = json.loads(live.process.output.splitlines()[-1])
    rows = live.rows()
    assert last["sent"] == last["failed"] == len(rows) == len({row["id"] for row in rows})
    assert all(row["prediction"] is None for row in rows)
