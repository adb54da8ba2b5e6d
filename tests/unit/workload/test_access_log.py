# SPDX-License-Identifier: Apache-2.0
"""The access log before any application: which requests have a line, and what it says."""

import logging
from types import SimpleNamespace

import pytest

from mlops_workload.runtimes import access_log
from mlops_workload.runtimes.access_log import LOGGER, AccessLog, RefusalsWithoutTraceback
from mlops_workload.runtimes.request_limits import Application, Message, Receive, Send

from .asgi import ask, http

OTHER = logging.getLogger("tests.other")


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Each request takes a quarter of a second."""
    monkeypatch.setattr(access_log, "time", SimpleNamespace(monotonic=iter((7.0, 7.25)).__next__))
    caplog.set_level(logging.INFO, LOGGER)


def answering(status: int, *refused: Exception, errors: tuple[type[Exception], ...] = (ValueError,)) -> Application:
    """An application that answers with `status` and logs that it `refused`."""

    async def application(_: Message, __: Receive, send: Send) -> None:
        for error in refused:
            record = OTHER.makeRecord(OTHER.name, logging.ERROR, "", 0, "refused", (), (type(error), error, None))
            assert RefusalsWithoutTraceback(*errors).filter(record) is not isinstance(error, errors)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return application


def lines(caplog: pytest.LogCaptureFixture, application: Application, scope: Message) -> list[str]:
    ask(AccessLog(application), scope)
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


@pytest.mark.parametrize(
    ("method", "path", "status", "logged"),
    [
        ("GET", "/v2/health/live", 200, False),
        ("GET", "/v2/models/digits/ready", 200, False),
        ("GET", "/metrics", 200, False),
        ("GET", "/", 200, False),
        ("GET", "/v2/models/digits/ready", 399, False),
        ("GET", "/v2/models/digits/ready", 400, True),
        ("GET", "/metrics", 503, True),
        ("GET", "/v2/models/digits", 200, True),
        ("POST", "/", 200, True),
        ("POST", "/v2/models/digits/ready", 200, True),
    ],
)
def test_a_probe_has_a_line_only_where_it_fails(
    caplog: pytest.LogCaptureFixture, method: str, path: str, status: int, logged: bool
) -> None:
    expected = [f'- "{method} {path}" {status} 250.0 ms'] if logged else []
    assert lines(caplog, answering(status), http(method, path)) == expected


def test_a_line_has_the_client_and_the_path_as_it_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    scope = http("POST", "/a b", raw_path=b"/a%20b", client=("127.0.0.1", 40312))
    assert lines(caplog, answering(200), scope) == ['127.0.0.1:40312 "POST /a%20b" 200 250.0 ms']


def test_a_refused_request_ends_with_its_causes_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    refused = answering(400, ValueError("no\nmatrix"), ValueError("no row"))
    assert lines(caplog, refused, http()) == ['- "POST /" 400 250.0 ms: no\\nmatrix; no row']


def test_a_path_is_escaped_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    path = '/"' + "ä" * 512
    (line,) = lines(caplog, answering(404), http("GET", path, raw_path=path.encode("latin-1")))
    assert line == f'- "GET /\\"{"ä" * 510}" 404 250.0 ms'


def test_an_error_of_the_server_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, answering(500, RuntimeError("bug")), http()) == ['- "POST /" 500 250.0 ms']


def test_an_application_that_raises_is_logged_as_500(caplog: pytest.LogCaptureFixture) -> None:
    async def raises(*_: object) -> None:
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        ask(AccessLog(raises), http())
    assert [record.getMessage() for record in caplog.records] == ['- "POST /" 500 250.0 ms']


def test_records_outside_of_a_request_and_without_an_exception_stay(caplog: pytest.LogCaptureFixture) -> None:
    known = RefusalsWithoutTraceback(ValueError)
    error = ValueError("no matrix")
    with_error = OTHER.makeRecord(OTHER.name, logging.ERROR, "", 0, "m", (), (ValueError, error, None))
    assert known.filter(with_error)
    assert lines(caplog, answering(200), http()) != []
    assert known.filter(with_error), "the request has ended"
    assert known.filter(OTHER.makeRecord(OTHER.name, logging.INFO, "", 0, "m", (), None))


def test_what_is_no_request_has_no_line(caplog: pytest.LogCaptureFixture) -> None:
    seen = []

    async def starts(scope: Message, _: Receive, __: Send) -> None:
        seen.append(scope["type"])

    assert (lines(caplog, starts, {"type": "lifespan"}), seen) == ([], ["lifespan"])
