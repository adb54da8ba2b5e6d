# SPDX-License-Identifier: Apache-2.0
"""Keeps the metrics of objects up to date: with every change of the cache, and with every status that is written."""

import logging
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.telemetry.counted import LISTED_ARTIFACTS, STALLED_OBJECTS, count, listed
from mlops_operator.controllers.telemetry.series import GAUGES, ObjectGauge, Sample, needs_user, series_of
from mlops_operator.kube.resources import MODELS, Resource
from mlops_operator.runtime.cache.store import Change

MAX_SERIES: Final = 20_000
"""Series of single objects that are served: about 3 MB of text. Those of objects that were seen last are left out."""

LEFT_OUT: Final = "mlops_object_series_left_out"

logger = logging.getLogger(__name__)


class ObjectTelemetry(Collector):
    """Implements `Telemetry`.

    Args:
        objects: whether the gauges of single objects are kept.
        max_series: bound of their number.
    """

    def __init__(self, *, objects: bool = False, max_series: int = MAX_SERIES) -> None:
        self.objects = CollectorRegistry()
        self._keep = objects
        self._max_series = max_series
        self._samples: dict[tuple[Resource, Key], tuple[Sample, ...]] = {}
        self._stalled: dict[Resource, set[Key]] = {}
        self._listed: dict[Key, dict[str, int]] = {}
        self.objects.register(self)

    def changed(self, resource: Resource, change: Change) -> None:
        """Take a change of an object in the cache."""
        try:
            self._count_stalled(resource, change.key, change.new)
            if resource == MODELS:
                self._count_listed(change.key, change.new)
            if self._keep:
                self._keep_series(resource, change.key, change.new)
        except Exception:
            # The cache's listeners must not raise: metrics are not worth a lost change.
            logger.exception("object not measured", extra={"resource": str(resource), "object": str(change.key)})

    def written(self, resource: Resource, before: Manifest, after: Manifest) -> None:
        """Take a status that this process wrote."""
        try:
            count(resource, before, after)
        except Exception:
            logger.exception("status not counted", extra={"resource": str(resource)})

    def collect(self) -> Iterable[Metric]:
        """All gauges, those without a series as well."""
        # A scrape has a thread of its own.
        found: dict[ObjectGauge, dict[tuple[str, ...], float]] = {gauge: {} for gauge in GAUGES}
        number = left_out = 0
        for gauge, labels, value in (sample for entry in tuple(self._samples.values()) for sample in entry):
            known = found[gauge]
            if labels not in known:
                if number >= self._max_series:
                    left_out += 1
                    continue
                number += 1
            known[labels] = known.get(labels, 0.0) + value
        for gauge, values in found.items():
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family
        help = f"Values that are not served, since there are {self._max_series} series already."
        yield GaugeMetricFamily(LEFT_OUT, help, value=left_out)

    def _count_stalled(self, resource: Resource, key: Key, obj: Manifest | None) -> None:
        stalled = self._stalled.setdefault(resource, set())
        if obj is not None and needs_user(obj):
            stalled.add(key)
        else:
            stalled.discard(key)
        STALLED_OBJECTS.labels(resource.kind.lower()).set(len(stalled))

    def _count_listed(self, key: Key, model: Manifest | None) -> None:
        before, after = self._listed.pop(key, {}), listed(model)
        if after:
            self._listed[key] = after
        for kind in before.keys() | after.keys():
            LISTED_ARTIFACTS.labels(kind).inc(after.get(kind, 0) - before.get(kind, 0))

    def _keep_series(self, resource: Resource, key: Key, obj: Manifest | None) -> None:
        samples = series_of(resource, obj) if obj is not None else ()
        if samples:
            self._samples[resource, key] = samples
        else:
            self._samples.pop((resource, key), None)
