# SPDX-License-Identifier: Apache-2.0
"""What every injection has: its surroundings, and a note of when it last disturbed anything."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.faults.history import Change
from tests.faults.plan import Fault
from tests.faults.process import OperatorProcess
from tests.faults.trace import Trace
from tests.harness.proxy import Interceptor


@dataclass
class Surroundings:
    """What injections may touch.

    Attributes:
        operator: the process.
        trace: names of requests and lines.
        changes: the namespace's changes so far, from the recorder.
        act: does what somebody does in the middle of a path.
        kill_server: kills a component of the control plane and starts it again; None where it is shared.
    """

    operator: OperatorProcess
    trace: Trace
    changes: Callable[[], Sequence[Change]]
    act: Callable[[str], Awaitable[None]]
    kill_server: Callable[[str], Awaitable[None]] | None = None


class Injection(Interceptor):
    """One fault of a plan at work.

    Attributes:
        fired: how often it did something; a plan with a fault that never fired is a failure.
        last: when it last did, on the harness's monotonic clock.
    """

    def __init__(self, fault: Fault, around: Surroundings) -> None:
        self.fault = fault
        self.around = around
        self.fired = 0
        self.last = 0.0

    def disturbed(self) -> None:
        """Something was disturbed just now."""
        self.fired += 1
        self.last = time.monotonic()

    async def settle(self) -> None:
        """Wait for what the injection still has under way."""
