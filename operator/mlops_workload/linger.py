# SPDX-License-Identifier: Apache-2.0
"""Stay for some seconds after SIGTERM, so that the operator can read what the run reported.

Kubernetes removes a pod about a second after its program has ended, and the Job's status, by which the operator notices
that a pod is being stopped, is a second old. Without the delay, the result of a program that ends at once would be
lost, although it was complete before. See docs/design/0022-disruptions.md.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType
from typing import Final

LINGER: Final = 3.0
"""Seconds between the signal and its effect."""


def linger_when_told_to_stop(seconds: float = LINGER) -> None:
    """Let SIGTERM have its effect, the default one or that of the program's handler, `seconds` later.

    Nothing changes where the program ignores the signal, or where no handler can be set: in another thread than the
    main one.
    """
    former = signal.getsignal(signal.SIGTERM)
    if former in (None, signal.SIG_IGN) or threading.current_thread() is not threading.main_thread():
        return

    def linger(number: int, frame: FrameType | None) -> None:
        time.sleep(seconds)
        signal.signal(signal.SIGTERM, former)
        if callable(former):
            former(number, frame)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, linger)
