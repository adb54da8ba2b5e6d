# SPDX-License-Identifier: Apache-2.0
"""The Job that measures a window."""

from typing import Final

from mlops_contract import environment as env_names
from mlops_contract.models.monitor import LogSource, MonitoredMetric, MonitorRequest, Window
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelmonitor import LABELED_SHARE, ModelMonitorSpec, MonitoredName, WindowStatus
from mlops_operator.controllers.shared.locations import check_step
from mlops_operator.controllers.shared.task import NOT_FOUND_EXIT_CODE, Step, Task

MODULE: Final = "monitor"


def window_task(obj: Manifest, spec: ModelMonitorSpec, window: WindowStatus) -> Task:
    """The task that measures `window`; its Job is named after the window's end, in UTC."""
    log = spec.source.prediction_log.uri
    request = MonitorRequest(
        log=LogSource(uri=log),
        window=Window(start=window.start, end=window.end),
        version=window.version,
        metrics=tuple(MonitoredMetric(name=name) for name in _measured(spec)),
    )
    end = parse_timestamp(window.end)
    return Task(
        parent=obj,
        suffix=str(int(end.timestamp())),
        words=end.strftime("%Y%m%d-%H%M"),
        component=MODULE,
        steps=(
            check_step({"log": log}),
            Step(module=MODULE, env={env_names.MONITOR: request.to_document()}, read=[log]),
        ),
        # A log that is not there yet is looked for again by the next window.
        final_exit_codes=(NOT_FOUND_EXIT_CODE,),
        image=spec.image,
        options=spec.task_pods,
    )


def _measured(spec: ModelMonitorSpec) -> list[str]:
    """Metrics that the Job computes. The labeled share follows from its counts; accuracy is computed in any case."""
    names = [metric.name.value for metric in spec.metrics if metric.name != LABELED_SHARE]
    return names or [MonitoredName.ACCURACY.value]
