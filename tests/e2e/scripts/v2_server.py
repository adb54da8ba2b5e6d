# SPDX-License-Identifier: Apache-2.0
"""A model server of one's own: the Open Inference Protocol (V2 REST) in the standard library.

Its model is a JSON file `{"offset": number}`; it answers every input with the input plus the
offset. `BURN_MILLISECONDS` in the environment makes each answer cost that much processor time.
"""

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = os.environ["MLOPS_MODEL_NAME"]
VERSION = os.environ["MLOPS_MODEL_VERSION"]
OFFSET = float(json.loads(next(Path(os.environ["MLOPS_MODEL_DIR"]).glob("*.json")).read_text())["offset"])
BURN_SECONDS = float(os.environ.get("BURN_MILLISECONDS", "0")) / 1000
READY = {"/v2/health/live", "/v2/health/ready", f"/v2/models/{NAME}/ready"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200 if self.path in READY else 404, {"name": NAME})

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != f"/v2/models/{NAME}/infer":
            self._answer(404, {"error": f"expected /v2/models/{NAME}/infer, found {self.path}"})
            return
        until = time.thread_time() + BURN_SECONDS
        while time.thread_time() < until:
            pass
        outputs = [{**entry, "data": [value + OFFSET for value in entry["data"]]} for entry in document["inputs"]]
        self._answer(200, {"model_name": NAME, "model_version": VERSION, "outputs": outputs})

    def _answer(self, code: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are counted by the client."""


class Server(ThreadingHTTPServer):
    daemon_threads = False  # an answer in progress is finished before the process ends
    request_queue_size = 64


def main() -> None:
    server = Server(("", 8080), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
