# SPDX-License-Identifier: Apache-2.0
"""The real model server, as a process of its own on loopback."""

import json
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.svm import SVC

from mlops_contract.serving import EXAMPLE
from mlops_workload.digest import digest_path
from mlops_workload.golden import main as golden_main
from mlops_workload.golden_requests import golden_document
from mlops_workload.inference_protocol import HttpReply, exchange, to_tensor

from .conftest import Digits, Process, RunEnvironment, SavedModel
from .slow_model import SlowModel

READY_SECONDS = 60
"""A server here needs 3 s; a machine that builds something else at the same time needs more."""

LOG_SECONDS = 10
"""A line of the log is written at the end of its request; on a busy machine it takes as long as a time slice."""

Start = Callable[..., Process]


class Server:
    """A served model."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: dict[str, Any] | None = None) -> HttpReply:
        return exchange(f"{self.url}{path}", body=body, timeout=20)

    def post(self, path: str, content: bytes, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.url}{path}", data=content, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def wait_ready(self, name: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            assert self.process.popen.poll() is None, self.process.output
            assert time.monotonic() < deadline, self.process.output
            try:
                if self.ask(f"/v2/models/{name}/ready").status == 200:
                    return
            except OSError:
                time.sleep(0.05)


def launch(start: Start, python: str, port: int, folder: Path, **environ: str) -> Server:
    options = {"--model-name": "digits", "--model-version": "digits-1a2b", "--model-dir": str(folder)}
    options |= {"--format": "sklearn", "--port": str(port)}
    words = [word for pair in options.items() for word in pair]
    return Server(start([python, "-m", "mlops_workload.serve", *words], **environ), port)


@pytest.fixture(scope="module")
def server(start: Start, server_python: str, free_port: Callable[[], int], good_model: SavedModel) -> Server:
    server = launch(start, server_python, free_port(), good_model.path.parent)
    server.wait_ready("digits")
    return server


def request_of(x: Any, **changes: Any) -> dict[str, Any]:
    return {"inputs": [to_tensor("input-0", np.asarray(x)) | changes]}


INFER = "/v2/models/digits/infer"


def test_it_predicts_what_the_model_predicts_and_names_the_version(
    server: Server, digits: Digits, good_model: SavedModel
) -> None:
    reply = server.ask(INFER, {"id": "a", **request_of(digits.test_x[:50])})
    answer = json.loads(reply.body)
    assert reply.status == 200
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("a", "digits", "digits-1a2b")
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("predict", "INT64", [50])
    assert output["data"] == good_model.model.predict(digits.test_x[:50]).tolist()


def test_binary_tensors_are_understood(server: Server, digits: Digits) -> None:
    header = json.dumps(
        {"inputs": [{"name": "i", "shape": [1, 64], "datatype": "FP64", "parameters": {"binary_data_size": 512}}]}
    ).encode()
    content = header + digits.test_x[0].tobytes()
    binary = {"Content_Type": "application/octet-stream"}
    assert server.post(INFER, content, Inference_Header_Content_Length=str(len(header)), **binary) == 200
    assert server.post(INFER, content, Inference_Header_Content_Length="many", **binary) == 400
    assert server.post(INFER, content[:-1], Inference_Header_Content_Length=str(len(header)), **binary) == 400
    assert server.post(INFER, b"{}", Inference_Header_Content_Length="2", **binary) == 400


def test_the_model_says_what_it_takes_and_gives(server: Server) -> None:
    metadata = json.loads(server.ask("/v2/models/digits").body)
    assert metadata["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": [-1, 64]}]
    assert metadata["outputs"] == [{"name": "predict", "datatype": "INT64", "shape": [-1]}]


def test_another_model_is_not_found(server: Server, digits: Digits) -> None:
    assert server.ask("/v2/models/other/ready").status == 404
    assert server.ask("/v2/models/other/infer", request_of(digits.test_x[:1])).status == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [1, 63]},
        {"shape": [-1, 64]},
        {"shape": [1, 10**12]},
        {"shape": []},
        {"shape": [0, 64], "data": []},
        {"shape": [1, 3], "data": [1, 2, 3]},
        {"datatype": "FP99"},
        {"datatype": 5},
        {"data": ["x"] * 64},
        {"data": [None] * 64},
        {"data": [float("nan")] * 64},
        {"data": []},
        {"data": [[1, 2], [3]]},
        {"data": "x"},
    ],
    ids=str,
)
def test_a_bad_tensor_is_the_clients_mistake(server: Server, digits: Digits, changes: dict[str, Any]) -> None:
    assert server.ask(INFER, request_of(digits.test_x[:1], **changes)).status in {400, 422}
    assert server.ask("/v2/models/digits/ready").status == 200


@pytest.mark.parametrize("body", [{}, {"inputs": []}, {"inputs": [1]}, {"inputs": "x"}, {"instances": [[0] * 64]}])
def test_a_request_of_another_form_is_the_clients_mistake(server: Server, body: dict[str, Any]) -> None:
    assert server.ask(INFER, body).status in {400, 422}


def test_content_that_is_no_json_is_the_clients_mistake(server: Server) -> None:
    assert server.post(INFER, b"{not json", Content_Type="application/json") in {400, 422}


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_nobody_changes_over_http_what_is_served(server: Server, verb: str) -> None:
    reply = server.ask(f"/v2/repository/models/digits/{verb}", {})
    assert reply.status == 400
    assert b"deployment decides" in reply.body
    assert server.ask("/v2/models/digits/ready").status == 200


def test_metrics_count_the_requests(server: Server, digits: Digits) -> None:
    server.ask(INFER, request_of(digits.test_x[:1]))
    assert b'request_predict_seconds_count{model_name="digits"}' in server.ask("/metrics").body


def curl(server: Server, path: str, *options: str) -> tuple[int, str]:
    """Status and body of what curl gets, which sets the content type of a form for `--data`."""
    command = ["curl", "--silent", "--write-out", "\n%{http_code}", *options, f"{server.url}{path}"]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return int(status), body


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "options",
    [(), ("-H", "Content-Type:"), ("-H", "Content-Type: text/plain; charset=utf-8")],
    ids=["form", "none", "text"],
)
def test_curl_without_the_content_type_of_json_is_answered(
    server: Server, digits: Digits, good_model: SavedModel, options: tuple[str, ...]
) -> None:
    body = json.dumps(request_of(digits.test_x[:1]))
    status, answer = curl(server, INFER, *options, "--data", body)
    assert status == 200, answer
    assert json.loads(answer)["outputs"][0]["data"] == good_model.model.predict(digits.test_x[:1]).tolist()
    status, answer = curl(server, INFER, *options, "--data", "{no json")
    assert status in {400, 422}
    assert "JSON" in answer


def test_the_example_of_a_request_is_answered(server: Server) -> None:
    example = server.ask(f"/v2/models/digits/{EXAMPLE}")
    assert example.status == 200
    reply = server.ask(INFER, json.loads(example.body))
    assert (reply.status, json.loads(reply.body)["outputs"][0]["shape"]) == (200, [1])
    assert server.ask(f"/v2/models/other/{EXAMPLE}").status == 404


def mark(server: Server) -> str:
    """Ask for something that is logged, wait for its line, and return what only that line has."""
    marker = uuid.uuid4().hex
    server.ask(f"/{marker}")
    deadline = time.monotonic() + LOG_SECONDS
    while f"/{marker}" not in server.process.output:
        assert time.monotonic() < deadline
    return marker


def lines_of(server: Server, ask: Callable[[], object]) -> list[str]:
    """The lines that the server logs for what is asked.

    A line may come after the reply, also that of a request of a test before: those between two marks are meant.
    """
    begin = mark(server)
    ask()
    end = mark(server)
    between = server.process.output.partition(begin)[2].partition(end)[0]
    return between.splitlines()[1:-1]  # without the rest of the one mark's line and the start of the other's


def test_each_request_is_one_line_of_the_access_log(server: Server, digits: Digits) -> None:
    (line,) = lines_of(server, lambda: server.ask(INFER, request_of(digits.test_x[:1])))
    moment, client = r"\d{4}-\d\d-\d\d [0-9:.]{12}", r"127\.0\.0\.1:\d+"
    assert re.fullmatch(rf'{moment} {client} "POST /v2/models/digits/infer" 200 \d+\.\d ms', line), line


def test_probes_and_scrapes_do_not_fill_the_log(server: Server) -> None:
    paths = ("/v2/models/digits/ready", "/v2/health/live", "/v2/health/ready", "/metrics", "/")
    assert lines_of(server, lambda: [server.ask(path) for path in paths]) == []


@pytest.mark.parametrize(
    ("path", "changes", "answered"),
    [
        (
            INFER,
            {"shape": [1, 3], "data": [1, 2, 3]},
            (400, "expected shape [rows, 64] with at least one row, found [1, 3]"),
        ),
        (INFER, {"data": [None] * 64}, (400, "")),
        (INFER, {"data": "x"}, (422, "")),
        ("/v2/models/other/infer", {}, (404, "Model with name other does not exist.")),
        ("/v2/repository/models/digits/unload", {}, (400, "the deployment decides what is served")),
        ("/v2/models/digits/versions/1/infer", {}, (501, "Model versioning not supported yet.")),
    ],
    ids=["width", "none", "malformed", "model", "unload", "version"],
)
def test_a_clients_mistake_is_one_line_and_no_traceback(
    server: Server, digits: Digits, path: str, changes: dict[str, Any], answered: tuple[int, str]
) -> None:
    status, cause = answered
    (line,) = lines_of(server, lambda: server.ask(path, request_of(digits.test_x[:1], **changes)))
    assert f'"POST {path}" {status} ' in line
    assert line.endswith(cause)


def test_a_client_cannot_write_a_line_of_its_own(server: Server) -> None:
    (line,) = lines_of(server, lambda: server.ask('/v2/models/a%0A"%20ERROR%20x%1B[31m/infer', {"inputs": []}))
    assert '"POST /v2/models/a%0A' in line
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "found nothing"), (b"this is no model\n", "raised"), (joblib, "without predict")],
    ids=["empty", "junk", "no predict"],
)
def test_what_does_not_load_ends_the_process_and_says_why(
    start: Start, server_python: str, tmp_path: Path, content: Any, words: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if isinstance(content, bytes):
        (folder / "model.joblib").write_bytes(content)
    elif content is not None:
        joblib.dump({"not": "a model"}, folder / "model.joblib")
    message = tmp_path / "message"
    server = launch(start, server_python, 1, folder, MLOPS_RESULT_PATH=str(message))
    assert server.process.popen.wait(READY_SECONDS) == 1
    for text in (message.read_text(), server.process.output):
        assert text.startswith("ModelLoadFailed: ")
        assert words in text


def test_sigterm_lets_requests_in_flight_finish(
    start: Start, server_python: str, free_port: Callable[[], int], tmp_path: Path
) -> None:
    # Given a served model that takes a second, imported by the server from where this test is
    joblib.dump(SlowModel(), tmp_path / "model.joblib")
    root = Path(__file__).parents[3]
    paths = f"{root / 'operator'}:{root}"
    server = launch(start, server_python, free_port(), tmp_path, PYTHONPATH=paths)
    server.wait_ready("digits")
    replies: list[HttpReply] = []
    body = request_of(np.zeros((1, 3)))
    asking = threading.Thread(target=lambda: replies.append(server.ask(INFER, body)))
    # When it is told to end while a request is in flight, and still answers others meanwhile
    begin = time.monotonic()
    asking.start()
    while b"_created" not in server.ask("/metrics").body:  # the first request has arrived
        assert time.monotonic() - begin < 1
    assert server.ask("/v2/models/digits/ready").status == 200
    server.process.popen.send_signal(signal.SIGTERM)
    # Then the request is answered and the process ends well
    asking.join(20)
    assert [reply.status for reply in replies] == [200]
    assert time.monotonic() - begin >= 1
    assert server.process.popen.wait(20) == 0


def golden(server: Server, run_environment: RunEnvironment, document: Any, **changes: Any) -> int:
    path = run_environment.folder / "golden.json"
    path.write_text(document.to_json())
    configuration = {
        "url": server.url,
        "model": "digits",
        "requests": {"uri": f"file://{path}", "digest": digest_path(path)},
        "maxLatencySeconds": 10,
    }
    run_environment.set("MLOPS_GOLDEN", json.dumps(configuration | changes))
    return golden_main()


def test_golden_requests_are_answered_as_recorded(
    server: Server, run_environment: RunEnvironment, digits: Digits, good_model: SavedModel
) -> None:
    document = golden_document(digits.test_x[:20], good_model.model.predict(digits.test_x[:20]))
    assert golden(server, run_environment, document, modelVersion="digits-1a2b") == 0
    result = run_environment.result
    assert result.counts == {"requests": 20, "mismatches": 0, "errors": 0, "slow": 0}
    assert 0 < result.metrics["latency_p50"] <= result.metrics["latency_p99"] < 10


def test_golden_mismatches_errors_and_slow_answers_are_counted(
    server: Server, run_environment: RunEnvironment, digits: Digits, good_model: SavedModel
) -> None:
    answers = good_model.model.predict(digits.test_x[:5])
    answers[:2] += 1
    document = golden_document(digits.test_x[:5], answers)
    assert golden(server, run_environment, document, maxLatencySeconds=1e-9) == 0
    assert run_environment.result.counts == {"requests": 5, "mismatches": 2, "errors": 0, "slow": 5}
    narrow = golden_document(digits.test_x[:5, :3], answers)
    assert golden(server, run_environment, narrow) == 0
    assert run_environment.result.counts == {"requests": 5, "mismatches": 0, "errors": 5, "slow": 0}
    assert golden(server, run_environment, document, modelVersion="another") == 0
    assert run_environment.result.counts["errors"] == 5


def test_without_golden_requests_readiness_is_the_check(server: Server, run_environment: RunEnvironment) -> None:
    run_environment.set("MLOPS_GOLDEN", json.dumps({"url": server.url, "model": "digits", "requests": None}))
    assert golden_main() == 0
    assert run_environment.result.counts == {"requests": 0, "mismatches": 0, "errors": 0}


def test_a_model_that_never_is_ready_ends_the_check(server: Server, run_environment: RunEnvironment) -> None:
    configuration = {"url": server.url, "model": "other", "readyTimeoutSeconds": 0.5}
    run_environment.set("MLOPS_GOLDEN", json.dumps(configuration))
    assert golden_main() == 9
    error = json.loads(run_environment.message)
    assert error["reason"] == "EndpointUnavailable"
    assert "404" in error["message"]


def test_serving_text_classes(
    start: Start, server_python: str, free_port: Callable[[], int], tmp_path: Path, digits: Digits
) -> None:
    names = np.array(["zero", "one"])[digits.train_y % 2]
    model = SVC(gamma=0.001).fit(digits.train_x, names)
    joblib.dump(model, tmp_path / "model.joblib")
    server = launch(start, server_python, free_port(), tmp_path)
    server.wait_ready("digits")
    (output,) = json.loads(server.ask(INFER, request_of(digits.test_x[:3])).body)["outputs"]
    assert output["datatype"] == "BYTES"
    assert output["data"] == model.predict(digits.test_x[:3]).tolist()
    assert server.process.end() == 0
