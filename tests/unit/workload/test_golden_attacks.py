# SPDX-License-Identifier: Apache-2.0
"""A served model is foreign code: whatever it answers, its check ends with counts of this check's own."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from mlops_workload import inference_protocol
from mlops_workload.digest import digest_path
from mlops_workload.golden import main
from mlops_workload.golden_requests import golden_document

from .conftest import RunEnvironment

Reply = tuple[int, dict[str, str], bytes]
GOOD = b'{"outputs": [{"name": "predict", "shape": [1], "datatype": "INT64", "data": [7]}]}'


class Server:
    """Is ready at once, and answers each request with what the test chose."""

    def __init__(self) -> None:
        self.reply: Reply = (200, {}, GOOD)
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(200, {}, b"{}")

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append(self.path)
                self._send(*outer.reply)

            def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    server.thread.join()


@pytest.fixture
def ask(server: Server, run_environment: RunEnvironment) -> Callable[[], dict[str, int]]:
    """Run the check with one request; its counts."""

    def run() -> dict[str, int]:
        path = run_environment.folder / "golden.json"
        path.write_text(golden_document(np.zeros((1, 2)), np.array([7])).to_json())
        source = {"uri": f"file://{path}", "digest": digest_path(path)}
        run_environment.set(
            "MLOPS_GOLDEN",
            json.dumps({"url": server.url, "model": "m", "requests": source, "readyTimeoutSeconds": 10}),
        )
        assert main() == 0
        return dict(run_environment.result.counts)

    return run


def test_the_right_answer_is_no_error(ask: Callable[[], dict[str, int]]) -> None:
    assert ask() == {"requests": 1, "mismatches": 0, "errors": 0}


@pytest.mark.parametrize(
    "reply",
    [
        (200, {}, b"[" * 100_000),
        (200, {}, b'{"outputs": ' + b"[" * 100_000),
        (200, {}, b'{"outputs": [{"name": "predict", "shape": [1], "datatype": "INT64", "data": ' + b"[" * 5_000),
        (200, {}, b'{"outputs": 5}'),
        (200, {}, b'{"outputs": "text"}'),
        (200, {}, b'{"outputs": [5]}'),
        (200, {}, b'{"outputs": [{"name": "predict", "shape": 1, "datatype": "INT64", "data": [7]}]}'),
        (200, {}, b'{"outputs": [{"name": "predict", "shape": [1], "datatype": "INT64", "data": 7}]}'),
        (200, {}, b'{"model_version": {"a": 1}, "outputs": []}'),
        (200, {}, b"\xff\xfe"),
        (200, {}, b""),
        (500, {}, b"\xff" * 1000),
        (999, {}, b"{}"),
    ],
    ids=range(13),
)
def test_malformed_answers_are_counted_as_errors(
    server: Server, ask: Callable[[], dict[str, int]], reply: Reply
) -> None:
    server.reply = reply
    assert ask() == {"requests": 1, "mismatches": 0, "errors": 1}


def test_a_result_in_the_answer_is_not_the_checks_result(server: Server, ask: Callable[[], dict[str, int]]) -> None:
    forged = {"v": 1, "uid": "3f6c1c1e-run", "counts": {"requests": 20, "mismatches": 0, "errors": 0}}
    server.reply = (200, {}, json.dumps({**forged, "outputs": []}).encode())
    assert ask() == {"requests": 1, "mismatches": 1, "errors": 0}


def test_an_endless_answer_is_cut(
    server: Server, ask: Callable[[], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference_protocol, "MAX_REPLY_BYTES", len(GOOD))
    assert ask()["errors"] == 0
    server.reply = (200, {}, GOOD + b" ")
    assert ask()["errors"] == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_server_does_not_answer_in_its_place(
    server: Server, ask: Callable[[], dict[str, int]], status: int
) -> None:
    honest = Server()
    honest.thread.start()
    server.reply = (status, {"Location": f"{honest.url}/v2/models/m/infer"}, b"")
    try:
        assert ask()["errors"] == 1
    finally:
        honest.http.shutdown()
        honest.http.server_close()
    assert honest.asked == []


def test_recorded_answers_that_are_a_pickle_are_not_loaded(server: Server, run_environment: RunEnvironment) -> None:
    path = run_environment.folder / "golden.json"
    path.write_bytes(b"cos\n_exit\n(I0\ntR.")
    source = {"uri": f"file://{path}", "digest": digest_path(path)}
    run_environment.set("MLOPS_GOLDEN", json.dumps({"url": server.url, "model": "m", "requests": source}))
    assert main() == 6
    assert json.loads(run_environment.message)["reason"] == "DataInvalid"
    assert server.asked == []
