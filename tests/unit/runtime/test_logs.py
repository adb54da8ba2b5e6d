# SPDX-License-Identifier: Apache-2.0
"""One line a fact: a constant message, and what varies beside it."""

import json
import logging
import os
import subprocess
import sys

from mlops_operator.runtime.logs import JsonFormatter, TextFormatter, facts


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, message, (), None, extra=fields)
    made.created = 1767225600.5
    return made


def test_json_has_the_message_and_the_fields_beside_it() -> None:
    line = json.loads(JsonFormatter().format(record("action refused", object="ns/a", code=422)))
    assert line == {
        "ts": "2026-01-01T00:00:00.500+00:00",
        "level": "info",
        "logger": "x",
        "msg": "action refused",
        "object": "ns/a",
        "code": 422,
    }


def test_a_traceback_stays_in_its_line() -> None:
    made = record("reconcile failed")
    try:
        raise ValueError("why")
    except ValueError:
        made.exc_info = sys.exc_info()
    text = JsonFormatter().format(made)
    assert "\n" not in text
    assert "ValueError: why" in json.loads(text)["traceback"]


def test_what_json_does_not_know_is_written_as_text() -> None:
    line = json.loads(JsonFormatter().format(record("x", where=ValueError("y"))))
    assert line["where"] == "y"


def test_text_is_for_eyes() -> None:
    assert TextFormatter().format(record("leading", lease="l")) == "00:00:00.500 INFO    leading lease=l"


def test_text_of_others_cannot_begin_a_line_of_its_own() -> None:
    made = record("action refused", error="x\nERROR leader lost\x1b[31m", words="plain text, Grüße")
    line = TextFormatter().format(made)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert line.endswith(r'error="x\nERROR leader lost\u001b[31m" words=plain text, Grüße')


def test_text_of_others_cannot_look_like_a_field() -> None:
    line = TextFormatter().format(record("x", error="a reason=Forged", words='say "b"'))
    assert line.endswith(r'error="a reason=Forged" words="say \"b\""')


def test_text_of_others_in_a_traceback_cannot_begin_a_line_as_the_log_does() -> None:
    made = record("reconcile failed")
    try:
        raise ValueError("why\n00:00:00.500 ERROR   leader lost\u2028x\x1b[31m")
    except ValueError:
        made.exc_info = sys.exc_info()
    first, *rest = TextFormatter().format(made).splitlines()
    assert first == "00:00:00.500 INFO    reconcile failed"
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in "".join(rest)


def test_a_line_of_json_has_no_character_that_ends_a_line_elsewhere() -> None:
    text = JsonFormatter().format(record("x", error="a\u2028b\x85c\ud800"))
    assert len(text.splitlines()) == 1
    assert json.loads(text)["error"] == "a\u2028b\x85c\ud800"


def test_facts_have_names_that_a_record_has_too_and_replace_none_of_the_lines_own() -> None:
    line = json.loads(JsonFormatter().format(record("x", **facts(name="n", message="m", level="forged"))))
    assert (line["name"], line["message"], line["msg"], line["level"]) == ("n", "m", "x", "info")


def test_a_warning_of_a_library_is_a_line_like_all_others() -> None:
    program = (
        "from mlops_operator.runtime.logs import configure_logging; import socket, warnings\n"
        "configure_logging(level='INFO', format='json')\n"
        "warnings.warn('one', stacklevel=1)\n"
        "kept = socket.socket(); kept = None\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "default"}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["level"], line["logger"]) for line in lines] == [("warning", "py.warnings")] * 2
    assert "ResourceWarning: unclosed <socket" in lines[1]["msg"]
