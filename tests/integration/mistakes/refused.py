# SPDX-License-Identifier: Apache-2.0
"""Mistakes that the API server refuses. The message names field and rule, and the corrected object is admitted."""

from dataclasses import dataclass
from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODELS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One mistake.

    Attributes:
        row: its number.
        spec: with the mistake.
        says: parts of the message.
        correction: merged into `spec`; None takes a field away.
        name: with the mistake, where that is in the name; the corrected object is called `fine`.
    """

    row: str
    resource: Resource
    spec: Manifest
    says: tuple[str, ...]
    correction: Manifest
    name: str = "fine"


def train(**spec: Any) -> Manifest:
    return {"image": "example/train:1", **spec}


def serve(**spec: Any) -> Manifest:
    return {"model": {"name": "digits", "alias": "champion"}, **spec}


def watch(**spec: Any) -> Manifest:
    return {
        "target": {"deployment": "digits"},
        "source": {"predictionLog": {"uri": "pvc://store/log"}},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
        **spec,
    }


def gated(*metrics: Manifest) -> Manifest:
    data = [{"name": "holdout", "uri": "pvc://store/holdout.csv"}]
    return {"aliases": [{"name": "champion", "gate": {"data": data, "metrics": list(metrics)}}]}


def retrain(*triggers: Manifest, **spec: Any) -> Manifest:
    return {"model": "digits", "training": {"spec": train()}, "triggers": list(triggers), **spec}


FLOOR = {"name": "accuracy", "min": 0.9}
NAMES = ('supported values: "accuracy", "balanced_accuracy", "f1_macro"',)

ROWS = (
    Refused(
        row="1",
        resource=TRAINING_JOBS,
        spec=train(paramaters={"trees": 5}),
        says=('unknown field "spec.paramaters"',),
        correction={"paramaters": None, "parameters": {"trees": 5}},
    ),
    Refused(
        row="2: a text for a number",
        resource=TRAINING_JOBS,
        spec=train(replicas="two"),
        says=("spec.replicas", "must be of type integer"),
        correction={"replicas": 2},
    ),
    Refused(
        row="2: a number for a text",
        resource=TRAINING_JOBS,
        spec={"image": 5},
        says=("spec.image", "must be of type string"),
        correction={"image": "example/train:5"},
    ),
    Refused(
        row="3: gate",
        resource=MODELS,
        spec=gated({"name": "accuracy"}),
        says=("spec.aliases[0].gate.metrics[0]", "set at least one of min, max or change"),
        correction=gated(FLOOR),
    ),
    Refused(
        row="3: monitor",
        resource=MODEL_MONITORS,
        spec=watch(metrics=[{"name": "accuracy", "limit": {}}]),
        says=("spec.metrics[0].limit", "set at least one of min, max, falseAlarms"),
        correction=watch(),
    ),
    Refused(
        row="4",
        resource=MODEL_DEPLOYMENTS,
        spec=serve(replicas=2, autoscaling={"maxReplicas": 3, "metrics": [{"type": "Resource"}]}),
        says=("spec", "set replicas or autoscaling, not both"),
        correction={"autoscaling": None},
    ),
    Refused(
        row="17: gate",
        resource=MODELS,
        spec=gated({"name": "mae_typo", "max": 3}),
        says=("spec.aliases[0].gate.metrics[0].name", 'Unsupported value: "mae_typo"', *NAMES),
        correction=gated(FLOOR),
    ),
    Refused(
        row="17: monitor",
        resource=MODEL_MONITORS,
        spec=watch(metrics=[{"name": "rocauc", "limit": {"min": 0.9}}]),
        says=("spec.metrics[0].name", 'Unsupported value: "rocauc"', *NAMES),
        correction=watch(),
    ),
    Refused(
        row="17: signal",
        resource=RETRAIN_POLICIES,
        spec=retrain(signals=[{"name": "a", "monitor": "digits", "metric": "rocauc"}]),
        says=("spec.signals[0].metric", 'Unsupported value: "rocauc"', *NAMES),
        correction=retrain(signals=[{"name": "a", "monitor": "digits", "metric": "accuracy"}]),
    ),
    Refused(
        row="21: trigger",
        resource=RETRAIN_POLICIES,
        spec=retrain({"name": "t", "signal": "acuracy"}, signals=[{"name": "accuracy", "monitor": "digits"}]),
        says=("triggers: signal must be the name of one of signals",),
        correction={"triggers": [{"name": "t", "signal": "accuracy"}]},
    ),
    Refused(
        row="25: training",
        resource=TRAINING_JOBS,
        spec=train(parameters={"vocab": ["abcdefghijklmn"] * 12_000}),
        says=("spec.parameters: expected at most 100 KiB as JSON, found 211 KiB", "put large values into a file"),
        correction={"parameters": {"vocab": "vocab.json"}},
    ),
    Refused(
        row="25: policy",
        resource=RETRAIN_POLICIES,
        spec={"model": "digits", "training": {"spec": train(parameters={"vocab": "x" * 200_000})}},
        says=("spec.training.spec.parameters: expected at most 100 KiB as JSON",),
        correction={"training": {"spec": {"parameters": None}}},
    ),
    Refused(
        row="26: 250 characters",
        resource=MODEL_DEPLOYMENTS,
        name="a" * 250,
        spec=serve(),
        says=("metadata.name",),
        correction={},
    ),
    Refused(
        row="26: upper case",
        resource=TRAINING_JOBS,
        name="Digits",
        spec=train(),
        says=("metadata.name", "lower case"),
        correction={},
    ),
    Refused(
        row="26: underscore",
        resource=MODELS,
        name="my_model",
        spec={},
        says=("metadata.name", "lower case"),
        correction={},
    ),
)
