"""The Job that measures a window."""

from typing import Final

from mlops_contract import environment as env_names
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelmonitor import ModelMonitorSpec, WindowStatus
from mlops_operator.controllers.shared.task import Task

MODULE: Final = "monitor"


def window_task(obj: Manifest, spec: ModelMonitorSpec, window: WindowStatus) -> Task:
    """The task that measures `window`; its Job is named after the window's end."""
    log = spec.source.prediction_log.uri
    configuration = {
        "log": {"uri": log},
        "window": {"start": window.start, "end": window.end},
        "version": window.version,
        "metrics": [{"name": metric.name} for metric in spec.metrics],
    }
    return Task(
        parent=obj,
        suffix=str(int(parse_timestamp(window.end).timestamp())),
        component=MODULE,
        module=MODULE,
        env={env_names.MONITOR: configuration},
        read=[log],
        job_settings=spec,
    )
