# SPDX-License-Identifier: Apache-2.0
"""The gauges of single objects, and what an object adds to them; pure.

An object's series follow from its present state alone, so they go with the object. Their number is bounded by the
schema: at most 8 metrics of a monitor and 8 aliases of a Model.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from mlops_operator.api.conditions import STALLED, condition_of
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import DeploymentPhase
from mlops_operator.api.modelversion import ModelVersionReason
from mlops_operator.api.trainingjob import TrainingPhase
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS, MODEL_MONITORS, MODELS, TRAINING_JOBS, Resource


@dataclass(frozen=True)
class ObjectGauge:
    """A gauge with the labels `namespace`, `name` and these."""

    name: str
    help: str
    more: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels."""
        return ("namespace", "name", *self.more)


class Sample(NamedTuple):
    """One value; those of the same gauge and labels are added up."""

    gauge: ObjectGauge
    labels: tuple[str, ...]
    value: float


VALUE: Final = ObjectGauge(
    "mlops_modelmonitor_value", "Live value in the last window that was measured, by metric.", ("metric",)
)
LOWER: Final = ObjectGauge("mlops_modelmonitor_lower_limit", "The window is breached below this value.", ("metric",))
UPPER: Final = ObjectGauge("mlops_modelmonitor_upper_limit", "The window is breached above this value.", ("metric",))
BREACHED: Final = ObjectGauge(
    "mlops_modelmonitor_breached",
    "1 if the last window breached a limit of the metric, 0 if not; absent where the evidence does not suffice.",
    ("metric",),
)
WINDOW_END: Final = ObjectGauge(
    "mlops_modelmonitor_window_end_timestamp_seconds", "End of the last window that was measured, in Unix time."
)
ALIAS_VERSION: Final = ObjectGauge(
    "mlops_model_alias_version", "Number of the version that the alias points at.", ("alias",)
)
ALIAS_SINCE: Final = ObjectGauge(
    "mlops_model_alias_changed_timestamp_seconds", "When the alias last moved, in Unix time.", ("alias",)
)
TRAININGS: Final = ObjectGauge(
    "mlops_model_trainingjobs", "TrainingJobs of the Model that there are, by phase.", ("phase",)
)
ROLLOUT: Final = ObjectGauge(
    "mlops_modeldeployment_phase", "1 for the present phase of the ModelDeployment.", ("phase",)
)
STEP: Final = ObjectGauge(
    "mlops_modeldeployment_rollout_step", "Number of the step that the candidate is in, from 1; absent without one."
)
WEIGHT: Final = ObjectGauge(
    "mlops_modeldeployment_candidate_weight_percent",
    "Share of the requests that the candidate gets; absent without one.",
)
STALLED_OBJECT: Final = ObjectGauge(
    "mlops_object_stalled", "1 for an object whose condition Stalled is True; absent for others.", ("kind",)
)

GAUGES: Final = (
    *(VALUE, LOWER, UPPER, BREACHED, WINDOW_END),
    *(ALIAS_VERSION, ALIAS_SINCE, TRAININGS),
    *(ROLLOUT, STEP, WEIGHT, STALLED_OBJECT),
)

Key = tuple[str, str]


def needs_user(obj: Manifest) -> bool:
    """Whether the condition Stalled asks the user for a change. That an artifact was removed as declared does not."""
    condition = condition_of(obj, STALLED)
    return condition.get("status") == "True" and condition.get("reason") != ModelVersionReason.ARTIFACT_REMOVED


def series_of(resource: Resource, obj: Manifest) -> tuple[Sample, ...]:
    """What an object adds."""
    metadata = obj["metadata"]
    key = (metadata.get("namespace", ""), metadata["name"])
    samples = list(_OF_KIND[resource](key, obj)) if resource in _OF_KIND else []
    if needs_user(obj):
        samples.append(Sample(STALLED_OBJECT, (*key, resource.kind), 1.0))
    return tuple(samples)


def _monitor(key: Key, obj: Manifest) -> Iterator[Sample]:
    windows = (obj.get("status") or {}).get("windows") or ()
    if not windows:
        return
    last = windows[-1]
    yield Sample(WINDOW_END, key, _unix(last["end"]))
    for verdict in last.get("metrics") or ():
        labels = (*key, verdict["name"])
        for gauge, field in ((VALUE, "value"), (LOWER, "lower"), (UPPER, "upper")):
            if verdict.get(field) is not None:
                yield Sample(gauge, labels, float(verdict[field]))
        if verdict.get("breached") in ("True", "False"):
            yield Sample(BREACHED, labels, float(verdict["breached"] == "True"))


def _model(key: Key, obj: Manifest) -> Iterator[Sample]:
    status = obj.get("status") or {}
    numbers = {entry["uid"]: entry["number"] for entry in status.get("versions") or ()}
    for entry in status.get("aliases") or ():
        labels = (*key, entry["name"])
        if (number := numbers.get(entry.get("versionUid"))) is not None:
            yield Sample(ALIAS_VERSION, labels, float(number))
        yield Sample(ALIAS_SINCE, labels, _unix(entry["since"]))


def _training(key: Key, obj: Manifest) -> Iterator[Sample]:
    model, phase = obj["spec"].get("model"), (obj.get("status") or {}).get("phase")
    if model and phase in frozenset(TrainingPhase):
        yield Sample(TRAININGS, (key[0], model, phase), 1.0)


def _deployment(key: Key, obj: Manifest) -> Iterator[Sample]:
    status = obj.get("status") or {}
    if (phase := status.get("phase")) in frozenset(DeploymentPhase):
        yield Sample(ROLLOUT, (*key, phase), 1.0)
    if status.get("candidate"):
        yield Sample(STEP, key, float(status["candidate"].get("step", 0) + 1))
        yield Sample(WEIGHT, key, float((status.get("weights") or {}).get("achieved", 0)))


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


_OF_KIND: Final[Mapping[Resource, Callable[[Key, Manifest], Iterator[Sample]]]] = MappingProxyType(
    {MODEL_MONITORS: _monitor, MODELS: _model, TRAINING_JOBS: _training, MODEL_DEPLOYMENTS: _deployment}
)
