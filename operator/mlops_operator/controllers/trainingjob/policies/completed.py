# SPDX-License-Identifier: Apache-2.0
"""Whether the result of a run was complete before its pod was told to stop.

A run that goes on after its result is complete, such as one that removes temporary files, has nothing to lose when its
pod is evicted or deleted then. How its program ends after the signal says nothing about the result.
See docs/design/0022-disruptions.md.
"""

from mlops_contract import ResultInvalidError, environment
from mlops_contract.models.result import parse_result
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.disruptions import taken_at
from mlops_operator.controllers.shared.pods import MAIN


def completed(pod: Manifest) -> bool:
    """Whether `pod` was told to stop after its run had completed its result.

    The main container must have ended, since the result is its termination message. The result has to state its
    `time` and the UID of the run. A time in the same second as the signal does not count.
    """
    moment = taken_at(pod)
    ended = jobs.pod_termination(pod)
    if moment is None or ended is None or ended.container != MAIN:
        return False
    try:
        result = parse_result(ended.message, uid=_run_uid(pod))
        return result.time is not None and parse_timestamp(result.time) < moment
    except (ResultInvalidError, ValueError):
        return False


def _run_uid(pod: Manifest) -> str:
    for container in pod["spec"]["containers"]:
        if container["name"] == MAIN:
            variables = {entry["name"]: entry.get("value") for entry in container.get("env") or ()}
            return variables.get(environment.RUN_UID) or ""
    return ""
