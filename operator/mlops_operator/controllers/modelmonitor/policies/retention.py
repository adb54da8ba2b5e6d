# SPDX-License-Identifier: Apache-2.0
"""Which Jobs are kept: that of the window being measured, and the last few for their logs."""

from collections.abc import Iterable, Sequence
from typing import Final

from mlops_operator.api.modelmonitor import WindowStatus

KEPT_JOBS: Final = 3
"""Measured windows whose Jobs stay: a person who reads a strange verdict finds the logs of the last ones."""


def surplus_jobs(names: Iterable[str], *, windows: Sequence[WindowStatus], measuring: WindowStatus | None) -> set[str]:
    """The Jobs to delete, also those of windows that were lost when the operator ended in between."""
    kept = {window.job for window in (*windows[-KEPT_JOBS:], *((measuring,) if measuring else ()))}
    return set(names) - kept
