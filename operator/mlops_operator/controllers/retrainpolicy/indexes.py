# SPDX-License-Identifier: Apache-2.0
"""Look-ups of the RetrainPolicy controller."""

from collections.abc import Iterable
from typing import Final

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.shared.indexes import MONITORS_BY_DEPLOYMENT, by_reference, key_of
from mlops_operator.controllers.shared.served import view_served
from mlops_operator.kube.resources import MODEL_VERSIONS, RETRAIN_POLICIES
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import World


def _monitors(obj: Manifest) -> Iterable[str]:
    namespace = obj["metadata"]["namespace"]
    for name in sorted({signal.get("monitor", "") for signal in (obj.get("spec") or {}).get("signals") or ()}):
        yield str(Key(namespace, name))


def _open_versions(obj: Manifest) -> Iterable[str]:
    for decision in (obj.get("status") or {}).get("decisions") or ():
        if decision.get("modelVersion") and not decision.get("result"):
            yield str(Key(obj["metadata"]["namespace"], decision["modelVersion"]))


POLICIES_BY_MODEL: Final = Index(RETRAIN_POLICIES, "model", by_reference("model"))
POLICIES_BY_MONITOR: Final = Index(RETRAIN_POLICIES, "monitor", _monitors)
POLICIES_BY_OPEN_VERSION: Final = Index(RETRAIN_POLICIES, "open-version", _open_versions)
"""Policies by the versions whose way they follow."""

VERSIONS_BY_TRAINING: Final = Index(
    MODEL_VERSIONS, "retrainpolicy-training", by_reference("lineage", "trainingJob", "name")
)


def policies_of_deployment(deployment: Manifest, world: World) -> Iterable[Key]:
    """For a watch: policies with a signal whose monitor watches this ModelDeployment."""
    for monitor in world.keys(MONITORS_BY_DEPLOYMENT, str(key_of(deployment))):
        yield from world.keys(POLICIES_BY_MONITOR, str(monitor))


def policies_of_changed_deployment(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
    """For `Watch.between`: the same, where what the ModelDeployment serves has changed."""
    return policies_of_deployment(new, world) if view_served(old) != view_served(new) else ()


def spec_and_aliases(model: Manifest) -> object:
    """What a policy may read of a Model: all but its versions."""
    return model.get("spec"), (model.get("status") or {}).get("aliases")


def spec_and_windows(monitor: Manifest) -> object:
    """What a policy may read of a ModelMonitor: all but the work in progress."""
    status = monitor.get("status") or {}
    return monitor.get("spec"), {name: value for name, value in status.items() if name != "measuring"}
