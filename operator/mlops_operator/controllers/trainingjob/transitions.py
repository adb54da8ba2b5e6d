# SPDX-License-Identifier: Apache-2.0
"""The events of a TrainingJob: what has changed from one status to the next.

Only what is out of the ordinary is told. That a run started and succeeded is in its status and
in the events of its Job; telling it once more would nearly double what a run costs.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mlops_operator.api.conditions import READY, STALLED, find, is_true
from mlops_operator.api.trainingjob import SPEC_CHANGE_IGNORED, TrainingJobStatus, TrainingReason
from mlops_operator.controllers.trainingjob.observed import ended
from mlops_operator.framework.events import event
from mlops_operator.runtime.work.plan import Event

ACTION: Final = "Train"

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        TrainingReason.BACKING_OFF: "Retrying",
        TrainingReason.BACKOFF_LIMIT_EXCEEDED: "Failed",
        TrainingReason.DISRUPTION_LIMIT_EXCEEDED: "Failed",
        TrainingReason.RESULT_INVALID: "Failed",
        TrainingReason.DATA_CORRUPT: "Failed",
        TrainingReason.DATA_INVALID: "Failed",
        TrainingReason.CONFIGURATION_INVALID: "Failed",
    }
)
"""What a state is called when it begins; others keep their reason's name."""

_ROUTINE: Final = frozenset({TrainingReason.RUNNING, TrainingReason.SUCCEEDED, TrainingReason.POD_PENDING})
_CALM: Final = frozenset({TrainingReason.SUSPENDED, TrainingReason.RESTORED, TrainingReason.RESTORE_PENDING})


def events(before: TrainingJobStatus, after: TrainingJobStatus) -> tuple[Event, ...]:
    """A new state, or a further failed attempt in the same one; and a change of the spec after the end."""
    return (*_new_state(before, after), *_spec_change(before, after))


def _spec_change(before: TrainingJobStatus, after: TrainingJobStatus) -> tuple[Event, ...]:
    then, now = find(before.conditions, SPEC_CHANGE_IGNORED), find(after.conditions, SPEC_CHANGE_IGNORED)
    if now is None or now.reason != TrainingReason.FINISHED or (then is not None and then.message == now.message):
        return ()
    return (event(warning=True, reason=SPEC_CHANGE_IGNORED, message=now.message, action=ACTION),)


def _new_state(before: TrainingJobStatus, after: TrainingJobStatus) -> tuple[Event, ...]:
    then, now = find(before.conditions, READY), find(after.conditions, READY)
    if now is None or now.reason in _ROUTINE:
        return ()
    further = len(ended(after)) > len(ended(before)) and now.reason == TrainingReason.BACKING_OFF
    if then is not None and then.reason == now.reason and not further:
        return ()
    if now.reason == TrainingReason.STARTING:
        if then is None or then.reason != TrainingReason.SUSPENDED:
            return ()
        return (event(warning=False, reason="Resumed", message=now.message, action=ACTION),)
    warning = is_true(after.conditions, STALLED) or now.reason not in _CALM
    return (event(warning=warning, reason=_NAMES.get(now.reason, now.reason), message=now.message, action=ACTION),)
