# SPDX-License-Identifier: Apache-2.0
"""The page of the metrics, from the objects that record them."""

from dataclasses import dataclass
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from mlops_operator.codegen.docs.markdown import cell, code, section, table
from mlops_operator.controllers.telemetry import counted
from mlops_operator.controllers.telemetry.series import GAUGES
from mlops_operator.controllers.telemetry.telemetry import LEFT_OUT, MAX_SERIES
from mlops_operator.kube import metrics as kube_metrics
from mlops_operator.runtime import metrics as runtime_metrics

OTHERS: Final = ("process_", "python_")
"""Metrics that prometheus_client makes by itself."""


@dataclass(frozen=True)
class MetricRow:
    """One metric as it is scraped."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


def metric_rows() -> list[MetricRow]:
    """All metrics of our own, by name; those that are made at a scrape as well."""
    recorders = (*vars(kube_metrics).values(), *vars(runtime_metrics).values(), *vars(counted).values())
    recorded = [
        _row(metric, recorder)
        for recorder in recorders
        if isinstance(recorder, MetricWrapperBase)
        for metric in recorder.describe()
    ]
    known = {row.name for row in recorded}
    scraped = [_row(metric, metric) for metric in REGISTRY.collect() if not metric.name.startswith(OTHERS)]
    return sorted((*recorded, *(row for row in scraped if row.name not in known)), key=lambda row: row.name)


def _row(metric: Metric, labelled: object) -> MetricRow:
    suffix = "_total" if metric.type == "counter" else ""
    labels = tuple(getattr(labelled, "_labelnames", None) or ())
    return MetricRow(metric.name + suffix, metric.type, labels, metric.documentation)


def object_metric_rows() -> list[MetricRow]:
    """The gauges of single objects, by name."""
    rows = [MetricRow(gauge.name, "gauge", gauge.labels, gauge.help) for gauge in GAUGES]
    help = f"Values that are not served, since there are {MAX_SERIES} series already."
    return sorted((*rows, MetricRow(LEFT_OUT, "gauge", (), help)), key=lambda row: row.name)


def _table(rows: list[MetricRow]) -> str:
    cells = [(code(row.name), row.type, ", ".join(code(label) for label in row.labels), cell(row.help)) for row in rows]
    return table(("metric", "type", "labels", "meaning"), cells)


def metrics_page() -> str:
    """The page."""
    objects = section(
        "Metrics of single objects",
        "Off by default, since their labels name namespaces and objects. `metrics.models.enabled` of the chart "
        "(`--object-metrics-bind-address`) serves them under `/metrics` on a port of their own, which a NetworkPolicy "
        "of the chart opens to the monitoring namespace alone. Series go with their object. Every replica serves them: "
        f"take the maximum. At most {MAX_SERIES} series are served, of the objects that were seen first.",
        _table(object_metric_rows()),
        level=2,
    )
    return section(
        "Metrics",
        "Served under `/metrics` on the port that `/healthz` and `/readyz` are on (8080 in the chart). Names and "
        "labels that controller-runtime has are the same here, so that its dashboards and alerts work. No counter has "
        "a label for an object's name, and there are no `_created` series.",
        "Beside these the process reports its own memory, CPU and descriptors (`process_*`, `python_*`).",
        "Counters of trainings, aliases and rollouts are those of the process that led: add up the replicas.",
        _table(metric_rows()),
        objects,
        level=1,
    )
