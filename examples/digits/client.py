# SPDX-License-Identifier: Apache-2.0
"""Send real requests to the served model and keep a prediction log, until SIGTERM.

One image per request, one connection per request, at a steady rate. Any answer but HTTP 200
with a prediction, a timeout or a connection error is a failure; nothing is ever sent again.
Every request becomes a row of the prediction log (docs/reference/formats/prediction-log.md), with the
image as `inputs` and its number as `group`. The true digit becomes a label row in a file of its own.

While the file `--shift-file` holds `1`, images are shifted by one pixel; it is read every second.
Every second one line of JSON goes to stdout. `GET :9000/stats` gives the totals.
"""

import argparse
import http.client
import json
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from digits import Images, shift_right

from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.inference_protocol import INPUT_NAME, exchange, infer_url, to_tensor
from mlops_workload.uri import local_path

WORKERS = 8
"""Requests in flight at most: at 20 a second even answers that take 0.4 s do not slow the client down."""

ROLLING_ANSWERS = 200
FAILURES_KEPT = 20


class Totals:
    """Counts since the start, and the last answers; shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent = self._failed = self._answered = self._correct = 0
        self._by_version: dict[str, dict[str, int]] = {}
        self._failures: list[str] = []
        self._last: deque[tuple[str, bool]] = deque(maxlen=ROLLING_ANSWERS)

    def answer(self, version: str, *, correct: bool) -> None:
        with self._lock:
            self._sent += 1
            self._answered += 1
            self._correct += correct
            counts = self._by_version.setdefault(version, {"answered": 0, "correct": 0})
            counts["answered"] += 1
            counts["correct"] += correct
            self._last.append((version, correct))

    def failure(self, text: str) -> None:
        with self._lock:
            self._sent += 1
            self._failed += 1
            if len(self._failures) < FAILURES_KEPT:
                self._failures.append(f"{now()} {text}")

    def stats(self) -> dict[str, Any]:
        """`sent`, `failed`, `answered`, `correct`, the same `byVersion`, and the first `failures` as text."""
        with self._lock:
            return {
                "sent": self._sent,
                "failed": self._failed,
                "answered": self._answered,
                "correct": self._correct,
                "byVersion": {version: dict(counts) for version, counts in self._by_version.items()},
                "failures": list(self._failures),
            }

    def rolling(self) -> dict[str, dict[str, float]]:
        """Per model version, how many of the last answers were its, and the share of them that was right."""
        with self._lock:
            last = list(self._last)
        versions = sorted({version for version, _ in last})
        answers = {version: [correct for said, correct in last if said == version] for version in versions}
        return {
            version: {"n": len(given), "accuracy": round(sum(given) / len(given), 4)}
            for version, given in answers.items()
        }


class Log:
    """The prediction log: one JSON line per row, one file per minute and kind of row, on the disk at once."""

    def __init__(self, folder: Path, *, writer: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._writer = writer
        self._lock = threading.Lock()

    def append(self, kind: str, row: dict[str, Any]) -> None:
        """Write a row of that kind: `requests` or `labels`."""
        path = self._folder / f"{datetime.now(tz=UTC):%Y%m%dT%H%MZ}-{self._writer}-{kind}.jsonl"
        line = json.dumps(row) + "\n"
        with self._lock, path.open("a", encoding="utf-8") as stream:
            stream.write(line)


class Client:
    """Draws images, sends them, and records what came back."""

    def __init__(self, arguments: argparse.Namespace, images: Images, log: Log, totals: Totals) -> None:
        self._url = infer_url(arguments.url, arguments.model)
        self._timeout = arguments.timeout
        self._identity = f"{socket.gethostname()}-{time.time_ns()}"
        self._images = images
        self._shifted = shift_right(images.x)
        self._log = log
        self._totals = totals

    def send(self, number: int, index: int, shifted: bool) -> None:
        x = (self._shifted if shifted else self._images.x)[index]
        label = int(self._images.y[index])
        row = {
            "ts": now(),
            "id": f"{self._identity}-{number}",
            "group": int(self._images.row[index]),
            "model_version": "",
            "prediction": None,
            "inputs": x.tolist(),
            "shifted": shifted,
        }
        try:
            version, prediction = self._ask(row["id"], x)
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            self._totals.failure(f"{type(error).__name__}: {error}")
        else:
            row |= {"model_version": version, "prediction": prediction}
            self._totals.answer(version, correct=prediction == label)
        self._log.append("requests", row)
        self._log.append("labels", {"ts": now(), "id": row["id"], "label": label})

    def _ask(self, identity: str, x: np.ndarray) -> tuple[str, int]:
        body = {"id": identity, "inputs": [to_tensor(INPUT_NAME, x.reshape(1, -1))]}
        reply = exchange(self._url, body=body, timeout=self._timeout)
        if reply.status != 200:
            raise ValueError(f"HTTP {reply.status}: {reply.body[:200].decode(errors='replace')}")
        answer = json.loads(reply.body)
        return str(answer["model_version"]), int(answer["outputs"][0]["data"][0])


class StatsServer(ThreadingHTTPServer):
    """Serves the totals as JSON."""

    daemon_threads = True

    def __init__(self, port: int, totals: Totals) -> None:
        self.totals = totals
        super().__init__(("", port), StatsHandler)

    def server_bind(self) -> None:
        # http.server asks DNS for the machine's name here, which takes seconds where there is none.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "client", self.socket.getsockname()[1]


class StatsHandler(BaseHTTPRequestHandler):
    """`GET /stats`; anything else is not found."""

    server: StatsServer

    def do_GET(self) -> None:
        if self.path != "/stats":
            self.send_error(404)
            return
        body = json.dumps(self.server.totals.stats()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: stdout is for the client's own lines."""


def draw(count: int, *, seed: int) -> Iterator[int]:
    """Indices below `count` in random order, all of them before any comes again, for ever."""
    generator = np.random.default_rng(seed)
    while True:
        yield from generator.permutation(count).tolist()


def read_shift(path: Path) -> bool:
    """Whether to shift; not while there is no such file."""
    return path.is_file() and path.read_text().strip() == "1"


def now() -> str:
    """The time as RFC 3339, with milliseconds."""
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds")


def drive(client: Client, totals: Totals, arguments: argparse.Namespace, count: int, stop: threading.Event) -> None:
    """Send at the given rate until `stop`; a delay is not made up for by a burst."""
    order = draw(count, seed=arguments.seed)
    free = threading.Semaphore(WORKERS)
    shifted = read_shift(arguments.shift_file)
    number = 0
    due = second = time.monotonic()

    def send(number: int, index: int, shifted: bool) -> None:
        try:
            client.send(number, index, shifted)
        finally:
            free.release()

    with ThreadPoolExecutor(WORKERS) as workers:
        pending: deque[Any] = deque()
        while not stop.wait(max(0.0, due - time.monotonic())):
            free.acquire()
            pending.append(workers.submit(send, number, next(order), shifted))
            while pending and pending[0].done():
                pending.popleft().result()
            number += 1
            due = max(due + 1 / arguments.rate, time.monotonic() - 1 / arguments.rate)
            if time.monotonic() >= second + 1:
                second += 1
                shifted = read_shift(arguments.shift_file)
                print_line(totals, shifted=shifted)
    print_line(totals, shifted=shifted)


def print_line(totals: Totals, *, shifted: bool) -> None:
    stats = totals.stats()
    answered = {version: counts["answered"] for version, counts in stats["byVersion"].items()}
    line = {"ts": now(), "shift": int(shifted), "rolling": totals.rolling(), "byVersion": answered}
    print(json.dumps(line | {name: stats[name] for name in ("sent", "failed", "answered", "correct")}), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="http://<service>:<port>")
    parser.add_argument("--model", required=True, help="name of the served model")
    parser.add_argument("--pool", required=True, help="pool.npz: pvc://claim/path or a path")
    parser.add_argument("--log", required=True, help="folder of the prediction log: pvc://claim/path or a path")
    parser.add_argument("--shift-file", type=Path, default=Path("/etc/client/shift"))
    parser.add_argument("--rate", type=float, default=20.0, help="requests per second")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--stats-port", type=int, default=9000)
    return parser.parse_args()


def mounted(uri: str) -> Path:
    path = local_path(uri)
    if path is None:
        raise ConfigurationInvalidError(f"expected a mounted claim or a path, found {uri!r}")
    return path


def main() -> None:
    arguments = parse()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with np.load(mounted(arguments.pool)) as arrays:
        images = Images(arrays["X"], arrays["y"], arrays["row"])
    totals = Totals()
    server = StatsServer(arguments.stats_port, totals)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log = Log(mounted(arguments.log), writer=socket.gethostname())
    drive(Client(arguments, images, log, totals), totals, arguments, len(images.y), stop)
    server.shutdown()


if __name__ == "__main__":
    main()
