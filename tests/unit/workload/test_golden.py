# SPDX-License-Identifier: Apache-2.0
"""How long a model may take to be ready and to answer, and what of its answers is kept for people."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlops_contract.document import DocumentInvalidError
from mlops_contract.requests.golden import GoldenCheck
from mlops_workload import golden
from mlops_workload.digest import digest_path
from mlops_workload.errors import EndpointUnavailableError
from mlops_workload.golden import Tally, check, wait_ready
from mlops_workload.golden_requests import golden_document
from mlops_workload.inference_protocol import HttpReply

ANSWER = b'{"outputs": [{"name": "predict", "shape": [1], "datatype": "INT64", "data": [7]}]}'


class Model:
    """A model on a clock of its own: ready after so many seconds, and as slow as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, ready_after: float = 0.0, latency: float = 0.0) -> None:
        self.now, self.asked = 100.0, 0
        self._ready_at, self._latency = self.now + ready_after, latency
        monkeypatch.setattr(golden, "exchange", self._exchange)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _exchange(self, _url: str, *, body: object = None, timeout: float) -> HttpReply:
        assert timeout > 0
        if body is None:
            self.asked += 1
            return HttpReply(200, b"{}") if self.now >= self._ready_at else HttpReply(503, b"loading")
        self.now += self._latency
        return HttpReply(200, ANSWER)


def wait(model: Model, timeout: float) -> None:
    wait_ready("http://m", "m", timeout=timeout, clock=model.clock, sleep=model.sleep)


def test_a_model_that_is_ready_just_in_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    wait(Model(monkeypatch, ready_after=9.75), 10.0)


def test_a_model_is_not_asked_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(monkeypatch, ready_after=10.0)
    with pytest.raises(EndpointUnavailableError, match="not ready within 10 s; the last reply: HTTP 503: loading"):
        wait(model, 10.0)
    assert model.asked == 40


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[float, float], dict[str, int]]:
    """The counts of a check with one request, by the model's latency and the largest allowed one."""

    def run(latency: float, limit: float) -> dict[str, int]:
        path = tmp_path / "golden.json"
        path.write_text(golden_document(np.zeros((1, 2)), np.array([7])).to_json())
        document = {
            "url": "http://m",
            "model": "m",
            "requests": {"uri": f"file://{path}", "digest": digest_path(path)},
            "maxLatencySeconds": limit,
        }
        configuration = GoldenCheck.of(document)
        model = Model(monkeypatch, latency=latency)
        result, _ = check(configuration, uid="u", scratch=tmp_path, environ={}, clock=model.clock)
        return dict(result.counts)

    return run


@pytest.mark.parametrize(("latency", "slow"), [(0.25, 0), (0.5, 0), (0.75, 1)])
def test_an_answer_is_slow_beyond_the_largest_latency(
    counts: Callable[[float, float], dict[str, int]], latency: float, slow: int
) -> None:
    assert counts(latency, 0.5) == {"requests": 1, "mismatches": 0, "errors": 0, "slow": slow}


class Servers:
    """Servers by their base URLs; some do not answer. Notes who was asked for what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, silent: tuple[str, ...] = ()) -> None:
        self.ready: list[str] = []
        self.inferred: list[str] = []
        self._silent = silent
        monkeypatch.setattr(golden, "exchange", self._exchange)
        monkeypatch.setattr(golden, "READY_PAUSE_SECONDS", 0.01)

    def _exchange(self, url: str, *, body: object = None, timeout: float) -> HttpReply:
        assert timeout > 0
        base = url.partition("/v2/")[0]
        if base in self._silent:
            raise TimeoutError("timed out")
        (self.ready if body is None else self.inferred).append(base)
        return HttpReply(200, ANSWER)


def ask_all(tmp_path: Path, endpoints: list[str], *, requests: int) -> dict[str, int]:
    """The counts of a check of these servers."""
    document: dict[str, object] = {"endpoints": endpoints, "model": "m", "readyTimeoutSeconds": 0.05}
    if requests:
        path = tmp_path / "golden.json"
        rows = golden_document(np.zeros((requests, 2)), np.full(requests, 7))
        path.write_text(rows.to_json())
        document["requests"] = {"uri": f"file://{path}", "digest": digest_path(path)}
    configuration = GoldenCheck.of(document)
    result, _ = check(configuration, uid="u", scratch=tmp_path, environ={})
    return dict(result.counts)


@pytest.mark.parametrize(("requests", "servers", "asked"), [(5, 2, [3, 2]), (2, 3, [1, 1, 1]), (3, 3, [1, 1, 1])])
def test_every_server_is_asked_and_every_request_is_sent_with_as_few_requests_as_that_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, requests: int, servers: int, asked: list[int]
) -> None:
    found = Servers(monkeypatch)
    endpoints = [f"http://10.0.0.{number}:8080" for number in range(servers)]
    counts = ask_all(tmp_path, endpoints, requests=requests)
    assert counts == {"requests": max(requests, servers), "mismatches": 0, "errors": 0, "endpoints": servers}
    assert [found.inferred.count(endpoint) for endpoint in endpoints] == asked
    assert found.ready == endpoints


def test_servers_without_golden_requests_are_asked_for_readiness(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = Servers(monkeypatch)
    assert ask_all(tmp_path, ["http://a", "http://b"], requests=0)["endpoints"] == 2
    assert (found.ready, found.inferred) == (["http://a", "http://b"], [])


def test_one_server_that_does_not_answer_ends_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = Servers(monkeypatch, silent=("http://b",))
    with pytest.raises(EndpointUnavailableError, match="http://b was not ready"):
        ask_all(tmp_path, ["http://a", "http://b"], requests=3)
    assert found.inferred == []


@pytest.mark.parametrize("whom", [{}, {"url": "http://a", "endpoints": ["http://b"]}])
def test_either_a_url_or_endpoints_are_asked(whom: dict[str, object]) -> None:
    with pytest.raises(DocumentInvalidError, match="expected url or endpoints, found both or neither"):
        GoldenCheck.of({**whom, "model": "m"})


def test_ten_notes_are_kept_each_cut_to_a_thousand_characters() -> None:
    tally = Tally()
    for number in range(12):
        tally.note(f"{number}".ljust(2000, "x"))
    assert [note.rstrip("x") for note in tally.notes] == [str(number) for number in range(10)]
    assert {len(note) for note in tally.notes} == {1000}
