# SPDX-License-Identifier: Apache-2.0
"""Send a served model its golden requests before it gets traffic.

`python -m mlops_workload.golden` reads its configuration (`GoldenCheck`) from
`MLOPS_GOLDEN`. It waits for the model to be ready, sends each request at least once, and reports
the counts `requests`, `mismatches`, `errors` and `slow` and the metrics `latency_p50` and
`latency_p99` in seconds. Where single servers are named, every one of them gets requests, and the
count `endpoints` is their number. Wrong answers are a result, not a failure of the check: the exit code
is 0 for any answers, and not 0 only if the check could not be made.
"""

from __future__ import annotations

import http.client
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from mlops_contract import DataDigest, Result, environment
from mlops_contract.document import DocumentInvalidError
from mlops_contract.requests.golden import GoldenCheck
from mlops_contract.serving import Answer, GoldenDocument, GoldenRequest
from mlops_workload.context import read_configuration, require_uid
from mlops_workload.errors import ConnectionFailedError, DataInvalidError, EndpointUnavailableError
from mlops_workload.fetch import fetch
from mlops_workload.golden_requests import outputs_match
from mlops_workload.inference_protocol import connection_problem, exchange, infer_url, ready_url
from mlops_workload.termination import run_command, write_message

REQUEST_TIMEOUT_SECONDS: Final = 30.0
"""A request without an answer by then is an error, however patient `maxLatencySeconds` is."""

READY_PAUSE_SECONDS: Final = 0.25
READY_TIMEOUT_SECONDS: Final = 2.0
"""Of one question for readiness: the model answers it at once or is not ready."""

UNREACHABLE_SECONDS: Final = 20.0
"""Time without any connection after which the network is the cause: a server that is ready is in its Service within
seconds. With a lookup that takes 20 s, and the end of the pod, that is in the status within a minute."""


class Tally:
    """Counts and latencies of the answers so far, with the first few things that went wrong."""

    def __init__(self) -> None:
        self.mismatches = 0
        self.errors = 0
        self.latencies: list[float] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep the beginning of `text`, which may be the server's own, for the log; the first ten are kept."""
        if len(self.notes) < 10:
            self.notes.append(text[:1000].encode(errors="replace").decode())


def check(
    configuration: GoldenCheck,
    *,
    uid: str,
    scratch: Path,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Result, list[str]]:
    """Wait for the model on every target and send all requests. Returns the result for the operator, and notes for
    users.

    Raises:
        ConnectionFailedError: a target could not be reached.
        EndpointUnavailableError: the model was not ready in time.
        DataInvalidError: the golden requests are not of their form.
    """
    data = []
    requests: tuple[GoldenRequest, ...] = ()
    if configuration.requests is not None:
        copy = fetch(configuration.requests.uri, scratch, digest=configuration.requests.digest, environ=environ)
        requests = _read_requests(copy.path)
        data.append(DataDigest(name="golden", digest=copy.digest))
    targets = configuration.targets
    for target in targets:
        wait_ready(
            target,
            configuration.model,
            timeout=configuration.ready_timeout_seconds,
            clock=clock,
            sleep=time.sleep,
        )
    tally = Tally()
    asked = max(len(requests), len(targets)) if requests else 0
    for number in range(asked):
        request, target = requests[number % len(requests)], targets[number % len(targets)]
        _ask(configuration, request, target=target, number=number, tally=tally, clock=clock)
    limit = configuration.max_latency_seconds
    counts = {"requests": asked, "mismatches": tally.mismatches, "errors": tally.errors}
    if configuration.endpoints:
        counts["endpoints"] = len(targets)
    if limit is not None:
        counts["slow"] = sum(latency > limit for latency in tally.latencies)
    metrics = {}
    if tally.latencies:
        p50, p99 = np.quantile(tally.latencies, [0.5, 0.99])
        metrics = {"latency_p50": round(float(p50), 6), "latency_p99": round(float(p99), 6)}
    return Result(uid=uid, metrics=metrics, counts=counts, data=tuple(data)), tally.notes


def wait_ready(
    url: str, model: str, *, timeout: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Poll until the model reports ready, for at most `timeout` seconds.

    Raises:
        ConnectionFailedError: no connection came about for `UNREACHABLE_SECONDS`.
        EndpointUnavailableError: it was not ready in time, with its last answer.
    """
    deadline = clock() + timeout
    last = "nothing was asked"
    failing_since: float | None = None
    while (began := clock()) < deadline:
        try:
            reply = exchange(ready_url(url, model), timeout=READY_TIMEOUT_SECONDS)
            if reply.status == 200:
                return
            last = f"HTTP {reply.status}: {reply.body[:200].decode(errors='replace')}"
            failing_since = None
        except (OSError, http.client.HTTPException, ValueError) as error:
            failing_since = began if failing_since is None else failing_since
            failing = clock() - failing_since
            problem = connection_problem(url, error, tried=failing)
            last = problem.text if problem is not None else f"{type(error).__name__}: {error}"
            if problem is None or problem.unknown:
                failing_since = None
            elif failing >= UNREACHABLE_SECONDS:
                raise ConnectionFailedError(f"model {model}: {last}") from error
        sleep(READY_PAUSE_SECONDS)
    raise EndpointUnavailableError(f"model {model} at {url} was not ready within {timeout:g} s; the last reply: {last}")


def _ask(
    configuration: GoldenCheck,
    request: GoldenRequest,
    *,
    target: str,
    number: int,
    tally: Tally,
    clock: Callable[[], float],
) -> None:
    body = {"id": f"golden-{number}", "inputs": [tensor.to_dict() for tensor in request.inputs]}
    begin = clock()
    try:
        reply = exchange(infer_url(target, configuration.model), body=body, timeout=REQUEST_TIMEOUT_SECONDS)
        elapsed = clock() - begin
        if reply.status != 200:
            raise ValueError(f"HTTP {reply.status}: {reply.body[:200].decode(errors='replace')}")
        answer = Answer.read(reply.body)
        if configuration.model_version not in {None, answer.model_version}:
            raise ValueError(f"answered by version {answer.model_version!r}, expected {configuration.model_version!r}")
    except DocumentInvalidError as error:
        tally.errors += 1
        tally.note(f"request {number}: {error}")
        return
    except (OSError, http.client.HTTPException, ValueError) as error:
        tally.errors += 1
        tally.note(f"request {number}: {type(error).__name__}: {error}")
        return
    tally.latencies.append(elapsed)
    if not outputs_match(request.outputs, answer.outputs, tolerance=configuration.tolerance):
        tally.mismatches += 1
        wanted, found = ([tensor.data for tensor in tensors] for tensors in (request.outputs, answer.outputs))
        tally.note(f"request {number}: expected {wanted}, found {found}")


def _read_requests(path: Path) -> tuple[GoldenRequest, ...]:
    try:
        return GoldenDocument.read(path.read_bytes()).requests
    except DocumentInvalidError as error:
        raise DataInvalidError(str(error)) from error


def _command() -> None:
    configuration = read_configuration(environment.GOLDEN, GoldenCheck)
    uid = require_uid()
    with tempfile.TemporaryDirectory() as scratch:
        result, notes = check(configuration, uid=uid, scratch=Path(scratch), environ=os.environ)
    write_message(result.to_message())
    for note in notes:
        print(note, file=sys.stderr)
    print({**result.counts, **result.metrics})


def main() -> int:
    """The command; its exit code."""
    return run_command(_command)


if __name__ == "__main__":
    sys.exit(main())
