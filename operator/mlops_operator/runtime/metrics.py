# SPDX-License-Identifier: Apache-2.0
"""The engine's metrics, under controller-runtime's names, so that existing dashboards and alerts work."""

from collections.abc import Iterable, Sized
from typing import Final, Protocol

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# By default each counter and histogram has a second series, with the time at which it was made.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

RECONCILE_TOTAL: Final = Counter(
    "controller_runtime_reconcile_total",
    "Reconciliations, by controller and result (success, error, requeue, requeue_after).",
    ["controller", "result"],
)
RECONCILE_ERRORS: Final = Counter(
    "controller_runtime_reconcile_errors_total",
    "Reconciliations that ended in an error, by controller.",
    ["controller"],
)
RECONCILE_SECONDS: Final = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Time a reconciliation took, by controller.",
    ["controller"],
    buckets=_SECONDS,
)
ACTIVE_WORKERS: Final = Gauge(
    "controller_runtime_active_workers", "Workers that are reconciling now, by controller.", ["controller"]
)
LEADER: Final = Gauge(
    "leader_election_master_status", "1 while this process leads, 0 while it follows, by lease.", ["name"]
)
CACHED: Final = Gauge("mlops_operator_cached_objects", "Objects in the cache, by resource.", ["resource"])
RESOURCE_MISSING: Final = Gauge(
    "mlops_operator_resource_missing", "1 while the API server does not know a resource we need.", ["resource"]
)
WATCH_DOWN: Final = Gauge(
    "mlops_operator_watch_down_seconds", "Seconds for which a resource is not watched; 0 while it is.", ["resource"]
)
WATCH_FAULTS: Final = Counter(
    "mlops_operator_watch_faults_total",
    "Watches and lists that ended otherwise than they should.",
    ["resource", "fault"],
)
SHELL_RESTARTS: Final = Counter(
    "mlops_operator_kopf_restarts_total", "Times the framework's event stream ended and was started again."
)
REJECTIONS: Final = Counter(
    "mlops_operator_rejections_total",
    "Actions the API server refused for good, by controller, code and reason.",
    ["controller", "code", "reason"],
)
INTERNAL_ERRORS: Final = Counter(
    "mlops_operator_internal_errors_total",
    "Reconciliations that ended in an unexpected error, by controller and the error's type.",
    ["controller", "type"],
)
EVENTS_LOST: Final = Counter("mlops_operator_events_lost_total", "Events for people that could not be written.")

_ADDS: Final = Counter("workqueue_adds_total", "Keys added to the queue.", ["name", "controller"])
_RETRIES: Final = Counter("workqueue_retries_total", "Keys that came back after a failure.", ["name", "controller"])
_QUEUE_SECONDS: Final = Histogram(
    "workqueue_queue_duration_seconds", "Time a key waits in the queue.", ["name", "controller"], buckets=_SECONDS
)
_WORK_SECONDS: Final = Histogram(
    "workqueue_work_duration_seconds", "Time a key is in work.", ["name", "controller"], buckets=_SECONDS
)


class Queue(Sized, Protocol):
    """What is asked of a queue at the time of a scrape."""

    def working_for(self) -> list[float]:
        """Seconds for which each key in work has been in work."""
        ...


class QueueMetrics:
    """The metrics of one queue; depth and work in progress are looked up when they are scraped."""

    def __init__(self, name: str, queue: Queue) -> None:
        self.adds = _ADDS.labels(name, name)
        self.retries = _RETRIES.labels(name, name)
        self.queue_seconds = _QUEUE_SECONDS.labels(name, name)
        self.work_seconds = _WORK_SECONDS.labels(name, name)
        _QUEUES.known[name] = queue


class _QueuesCollector(Collector):
    """Depth and work in progress of every queue. A later queue of the same name takes the place of the former."""

    def __init__(self) -> None:
        self.known: dict[str, Queue] = {}

    def collect(self) -> Iterable[Metric]:
        labels = ["name", "controller"]
        depth = GaugeMetricFamily("workqueue_depth", "Keys waiting in the queue.", labels=labels)
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds", "Sum of the times of all keys in work.", labels=labels
        )
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds", "Time of the key longest in work.", labels=labels
        )
        for name, queue in self.known.items():
            times = queue.working_for()
            depth.add_metric([name, name], len(queue))
            unfinished.add_metric([name, name], sum(times))
            longest.add_metric([name, name], max(times, default=0.0))
        return (depth, unfinished, longest)


_QUEUES: Final = _QueuesCollector()
REGISTRY.register(_QUEUES)
