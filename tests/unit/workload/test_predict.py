# SPDX-License-Identifier: Apache-2.0
"""The container that runs a model: whatever the model does, predictions or an error are left, nothing else."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from mlops_workload import predict
from mlops_workload.digest import digest_path

from .conftest import ROOT, Digits, RunEnvironment, SavedModel
from .evaluation import EvaluationFolders

FORGE = """
import json, os
path = os.environ.get("MLOPS_RESULT_PATH", {default!r})
try:
    json.dump({{"v": 1, "uid": os.environ.get("MLOPS_RUN_UID", "guessed"), "metrics": {{"accuracy.candidate": 0.9999}},
               "counts": {{"all": 597}}}}, open(path, "w"))
except OSError:
    pass
os._exit(0)
"""


class Runs:
    """A pickle that runs code when it is loaded."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return (exec, (self.code,))


class Answers:
    """A model whose predictions are whatever it was given."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def predict(self, inputs: Any) -> Any:
        return self.value(inputs) if callable(self.value) else self.value


@pytest.fixture
def holdout(tmp_path: Path, digits: Digits) -> Path:
    path = tmp_path / "holdout.npz"
    np.savez(path, X=digits.test_x[:200], y=digits.test_y[:200], slice=np.repeat(["a", "b"], 100), row=np.arange(200))
    return path


def saved(path: Path, model: Any) -> dict[str, str]:
    joblib.dump(model, path)
    return {"uri": f"file://{path}", "digest": digest_path(path), "format": "sklearn"}


def configure(environment: RunEnvironment, holdout: Path, candidate: Any, baseline: Any = None) -> None:
    document = {
        "candidate": candidate,
        "baseline": baseline,
        "data": [{"name": "holdout", "uri": f"file://{holdout}", "digest": digest_path(holdout)}],
        "metrics": [{"name": "accuracy", "min": 0.9}],
    }
    environment.set("MLOPS_EVALUATION", json.dumps(document))


def in_own_process(folders: EvaluationFolders, role: str) -> int:
    """The prediction step as a container has it: its own process, with no variable of the run."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    return subprocess.run(
        [
            *(sys.executable, "-m", "mlops_workload.predict", "--role", role, "--format", "sklearn"),
            *("--model", str(folders.models[role])),
            *("--inputs", str(folders.inputs), "--output", str(folders.predictions[role])),
        ],
        env={**environ, "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"},
        check=False,
    ).returncode


def test_a_model_sees_features_and_nothing_else(
    run_environment: RunEnvironment, tmp_path: Path, good_model: SavedModel, holdout: Path, digits: Digits
) -> None:
    configure(run_environment, holdout, {"uri": f"file://{good_model.path}", "digest": good_model.digest})
    folders = EvaluationFolders(tmp_path / "pod", baseline=False)
    assert folders.fetch() == 0
    assert sorted(path.name for path in folders.inputs.iterdir()) == ["inputs.npy", "request.json"]
    np.testing.assert_array_equal(np.load(folders.inputs / "inputs.npy"), digits.test_x[:200])
    assert json.loads((folders.inputs / "request.json").read_text()) == {"probabilities": False}
    assert [path.name for path in folders.models["candidate"].iterdir()] == ["model.joblib"]
    labels = digits.test_y[:200].astype(np.int64).tobytes()
    visible = [*folders.inputs.rglob("*"), *folders.models["candidate"].rglob("*")]
    assert not [path for path in visible if labels in path.read_bytes()]


def test_a_candidate_that_writes_a_result_at_load_has_no_figures(
    run_environment: RunEnvironment, tmp_path: Path, good_model: SavedModel, holdout: Path
) -> None:
    forger = Runs(FORGE.format(default=str(run_environment.message_path)))
    good = {"uri": f"file://{good_model.path}", "digest": good_model.digest}
    configure(run_environment, holdout, saved(tmp_path / "evil.joblib", forger), good)
    folders = EvaluationFolders(tmp_path / "pod")
    assert folders.fetch() == 0
    assert in_own_process(folders, "candidate") == 0
    assert folders.predict("baseline") == 0
    assert folders.judge() == 11
    error = json.loads(run_environment.message)
    assert (error["reason"], error["role"]) == ("PredictionFailed", "candidate")
    assert "left no predictions" in error["message"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (np.arange(199), "PredictionFailed: candidate: expected 200 predictions, found shape (199,)"),
        (np.zeros((200, 1)), "PredictionFailed: candidate: expected 200 predictions, found shape (200, 1)"),
        (np.array([{}] * 200, dtype=object), "PredictionFailed: candidate: expected numbers or text, found dict"),
        (
            np.array(["a"] * 200),
            "DataInvalid: candidate: expected predictions of the labels' kind, number, found text: row 1 has the label "
            "8, and the prediction is 'a'; train and measure on labels that are written in the same way",
        ),
        (None, "PredictionFailed: candidate: expected 200 predictions, found shape ()"),
    ],
)
def test_predictions_of_a_wrong_kind_are_refused(
    run_environment: RunEnvironment, tmp_path: Path, holdout: Path, answer: Any, expected: str
) -> None:
    configure(run_environment, holdout, saved(tmp_path / "odd.joblib", Answers(answer)))
    assert EvaluationFolders(tmp_path / "pod", baseline=False).run() != 0
    error = json.loads(run_environment.message)
    assert (f"{error['reason']}: {error['message']}", error["role"]) == (expected, "candidate")


def _fails(_inputs: Any) -> Any:
    raise KeyError("column")


def _exits(_inputs: Any) -> Any:
    os._exit(3)


def test_a_model_that_raises_is_named_with_its_error(
    run_environment: RunEnvironment, tmp_path: Path, holdout: Path
) -> None:
    configure(run_environment, holdout, saved(tmp_path / "odd.joblib", Answers(_fails)))
    assert EvaluationFolders(tmp_path / "pod", baseline=False).run() == 11
    assert json.loads(run_environment.message)["message"] == "candidate: predict() raised KeyError: 'column'"


def test_a_model_that_ends_its_process_leaves_its_exit_code_to_the_container(
    run_environment: RunEnvironment, tmp_path: Path, holdout: Path
) -> None:
    configure(run_environment, holdout, saved(tmp_path / "odd.joblib", Answers(_exits)))
    folders = EvaluationFolders(tmp_path / "pod", baseline=False)
    assert folders.fetch() == 0
    assert in_own_process(folders, "candidate") == 3


def test_a_model_without_predict_is_no_model(run_environment: RunEnvironment, tmp_path: Path, holdout: Path) -> None:
    configure(run_environment, holdout, saved(tmp_path / "odd.joblib", {"not": "a model"}))
    assert EvaluationFolders(tmp_path / "pod", baseline=False).run() == 5
    error = json.loads(run_environment.message)
    assert (error["reason"], error["role"]) == ("ModelLoadFailed", "candidate")


def test_the_judge_loads_no_model_library() -> None:
    code = (
        "import sys, mlops_workload.evaluate, mlops_workload.golden, mlops_workload.evaluate_fetch;"
        "sys.exit(str({'joblib', 'sklearn', 'mlops_workload.formats'} & set(sys.modules) or '') or 0)"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run([sys.executable, "-c", code], env=environ, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_text_and_missing_answers_of_python_objects_need_no_pickle(
    run_environment: RunEnvironment, tmp_path: Path, holdout: Path, digits: Digits
) -> None:
    answers = digits.test_y[:200].astype(object)
    answers[:20] = None
    configure(run_environment, holdout, saved(tmp_path / "some.joblib", Answers(answers)))
    folders = EvaluationFolders(tmp_path / "pod", baseline=False)
    assert (folders.fetch(), folders.predict("candidate")) == (0, 0)
    left = np.load(folders.predictions["candidate"] / "labels.npy", allow_pickle=False)
    assert np.isnan(left[:20]).all()
    np.testing.assert_array_equal(left[20:], digits.test_y[20:200])


SOCKETS = """
import os, socket, subprocess, sys
found = []
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    try:
        socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        found.append(type(error).__name__)
try:
    socket.create_connection(({host!r}, {port}), timeout=5)
except OSError as error:
    found.append(type(error).__name__)
found.append(subprocess.call([sys.executable, "-c", "import socket; socket.socket()"], stderr=subprocess.DEVNULL))
socket.socketpair()
raise RuntimeError(" ".join(map(str, found)))
"""


def test_a_models_code_and_what_it_starts_have_no_network(
    run_environment: RunEnvironment, tmp_path: Path, holdout: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        configure(run_environment, holdout, saved(tmp_path / "m.joblib", Runs(SOCKETS.format(host=host, port=port))))
        folders = EvaluationFolders(tmp_path / "pod", baseline=False)
        assert folders.fetch() == 0
        assert in_own_process(folders, "candidate") == 0
    (left,) = [json.loads(path.read_text()) for path in folders.predictions["candidate"].iterdir()]
    assert left["reason"] == "ModelLoadFailed"
    assert "RuntimeError: PermissionError PermissionError PermissionError PermissionError 1;" in left["message"]


def test_on_another_machine_the_network_stays_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    predict._without_network()
    assert "not kept from the network here: expected one of the machines x86_64, aarch64, found s390x" in (
        capsys.readouterr().err
    )
