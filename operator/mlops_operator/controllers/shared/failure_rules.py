# SPDX-License-Identifier: Apache-2.0
"""What Kubernetes does after a pod of a task has failed: the `podFailurePolicy` of the task's Job; pure.

See docs/design/0021-tasks.md.
"""

from collections.abc import Iterable
from typing import Final

from mlops_contract.messages import CONNECTION_FAILED_EXIT_CODE
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs

PERMANENT_EXIT_CODES: Final = (2, 4, 5, 6, 8, 11)
"""Exit codes of `mlops_workload` after which another pod would fail in the same way, so none is made: the
configuration, an artifact, a model, the data, a metric or predictions are invalid."""

_DISRUPTED: Final = {"action": "Ignore", "onPodConditions": [{"type": jobs.DISRUPTED, "status": "True"}]}
"""Evictions, drains, preemptions and lost nodes say nothing about the task: its deadline alone bounds them."""


def rules(*, final: Iterable[int], connecting: Iterable[str]) -> list[Manifest]:
    """The rules, of which the first one that matches counts: an evicted pod may have any exit code.

    Args:
        final: exit codes after which no other pod is made, beside the permanent ones.
        connecting: containers that use up no try if they cannot connect.
    """
    return [_DISRUPTED, *map(_unconnected, connecting), _permanent(final)]


def _unconnected(container: str) -> Manifest:
    """Another pod follows after 10 s, and Kubernetes doubles that each time."""
    codes = {"containerName": container, "operator": "In", "values": [CONNECTION_FAILED_EXIT_CODE]}
    return {"action": "Ignore", "onExitCodes": codes}


def _permanent(final: Iterable[int]) -> Manifest:
    """In whichever container: an artifact is verified and a model loaded before the main one."""
    codes = sorted({*PERMANENT_EXIT_CODES, *final})
    return {"action": "FailJob", "onExitCodes": {"operator": "In", "values": codes}}
