# SPDX-License-Identifier: Apache-2.0
"""What runs in a forked operator process. Importing it imports the whole operator, once for all processes."""

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

import mlops_operator.__main__ as command
import mlops_operator.controllers
import mlops_operator.runtime.manager
from mlops_operator.runtime.work import reconciler

PRELOADED = mlops_operator.controllers


def run(arguments: Sequence[str], log: str, clock: float) -> None:
    """Run the command line with standard error in a file; never returns."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if clock:
        defaults = reconciler.Reconciler.__init__.__kwdefaults__
        assert defaults is not None
        defaults["now"] = _shifted(clock)
    sys.exit(command.main(arguments))


def _shifted(seconds: float):  # type: ignore[no-untyped-def]
    def now() -> datetime:
        return reconciler.utc_now() + timedelta(seconds=seconds)

    return now
