# SPDX-License-Identifier: Apache-2.0
"""The interface through which the engine reports changes of objects to their metrics; it knows no kind."""

from typing import Protocol

from prometheus_client import CollectorRegistry

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.store import Change


class Telemetry(Protocol):
    """Takes what happens to objects of our kinds. Its methods do not raise.

    Attributes:
        objects: the registry of the gauges of single objects, which have a port of their own.
    """

    objects: CollectorRegistry

    def changed(self, resource: Resource, change: Change) -> None:
        """Take a change of an object in the cache; in every replica."""
        ...

    def written(self, resource: Resource, before: Manifest, after: Manifest) -> None:
        """Take a status that this process, the leader, wrote in place of another one."""
        ...
