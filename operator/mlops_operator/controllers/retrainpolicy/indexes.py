"""Look-ups of the RetrainPolicy controller."""

from collections.abc import Iterable
from typing import Final

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.shared.indexes import by_reference, key_of
from mlops_operator.kube.resources import MODEL_MONITORS, MODEL_VERSIONS, RETRAIN_POLICIES
from mlops_operator.runtime.controller import Index, World


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

MONITORS_BY_TARGET: Final = Index(MODEL_MONITORS, "retrainpolicy-target", by_reference("target", "deployment"))
VERSIONS_BY_TRAINING: Final = Index(
    MODEL_VERSIONS, "retrainpolicy-training", by_reference("lineage", "trainingJob", "name")
)


def policies_of_deployment(deployment: Manifest, world: World) -> Iterable[Key]:
    """For a watch: policies with a signal whose monitor watches this ModelDeployment."""
    for monitor in world.indexed(MONITORS_BY_TARGET, str(key_of(deployment))):
        for policy in world.indexed(POLICIES_BY_MONITOR, str(key_of(monitor))):
            yield key_of(policy)
