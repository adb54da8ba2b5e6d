# SPDX-License-Identifier: Apache-2.0
"""After its result is complete, a program that is told to stop stays until the result can be read."""

import signal
import subprocess
import sys
import time

import pytest

LINGER = 0.5

IMPORTS = """
import signal, sys, threading, time
from mlops_workload.linger import linger_when_told_to_stop
"""

PROGRAM = """
{imports}
{before}
{call}
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""
CALL = f"linger_when_told_to_stop({LINGER})"
EXITS_WELL = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"


@pytest.mark.parametrize(
    ("before", "call", "code", "lingers"),
    [
        ("", CALL, -signal.SIGTERM, True),
        (EXITS_WELL, CALL, 7, True),
        (EXITS_WELL, f"threading.Thread(target=lambda: {CALL}).start()", 7, False),
        ("", "", -signal.SIGTERM, False),
    ],
    ids=["default", "own handler", "another thread", "no result"],
)
def test_a_signal_has_its_effect_later(before: str, call: str, code: int, lingers: bool) -> None:
    with started(before, call) as process:
        began = time.monotonic()
        process.terminate()
        assert process.wait(timeout=30) == code
        assert time.monotonic() - began >= LINGER or not lingers


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "signal.SIG_DFL"])
def test_a_signal_that_is_ignored_stays_ignored(handler: str) -> None:
    changed = f"print(signal.getsignal(signal.SIGTERM) is not {handler})"
    program = f"{IMPORTS}\nsignal.signal(signal.SIGTERM, {handler})\n{CALL}\n{changed}"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert answer.strip() == str(handler != "signal.SIG_IGN")


def started(before: str, call: str) -> subprocess.Popen[str]:
    """The program, once it is ready."""
    program = PROGRAM.format(imports=IMPORTS, before=before, call=call)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process
