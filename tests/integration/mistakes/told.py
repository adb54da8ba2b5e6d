# SPDX-License-Identifier: Apache-2.0
"""Mistakes that admission cannot see. The status names what is wrong, and recovers when that is corrected."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    SERVICES,
    TRAINING_JOBS,
    Resource,
)
from tests.harness.namespaces import SERVICE_ACCOUNTS
from tests.integration.mistakes.refused import retrain, train, watch
from tests.integration.workshop import Workshop

Act = Callable[[Workshop], Awaitable[object]]
Objects = Sequence[tuple[Resource, str, Manifest]]


@dataclass(frozen=True, kw_only=True)
class Told:
    """One mistake.

    Attributes:
        row: its number; the objects' names begin with it, so that all rows share a namespace.
        objects: created in this order; the last one is asked for its status.
        reason: of its condition `condition`.
        says: parts of the message of that condition.
        correct: what a user does then.
        recovered: reasons of `Ready` afterwards.
        within: seconds that the recovery may take.
        condition: type of the condition that tells.
    """

    row: str
    objects: Objects
    reason: str
    says: tuple[str, ...]
    correct: Act
    recovered: tuple[str, ...]
    condition: str = "Ready"
    within: float = 30.0

    @property
    def asked(self) -> tuple[Resource, str]:
        resource, name, _ = self.objects[-1]
        return resource, name


def edit(resource: Resource, name: str, **spec: Any) -> Act:
    return lambda workshop: workshop.edit(resource, name, spec=spec)


def create(resource: Resource, name: str, spec: Manifest) -> Act:
    return lambda workshop: workshop.create(resource, name, spec)


def create_plain(resource: Resource, name: str) -> Act:
    """An object without a spec."""
    return lambda workshop: workshop.client.create(resource, resource.manifest(name=name, namespace=workshop.namespace))


def delete(resource: Resource, name: str) -> Act:
    return lambda workshop: workshop.client.delete(resource, namespace=workshop.namespace, name=name)


def serve(**spec: Any) -> Manifest:
    return {"model": {"name": "digits", "alias": "champion"}, "rollout": {"steps": [], "bake": "0s"}, **spec}


MAIN = {"name": "main", "volumeMounts": [{"name": "zz", "mountPath": "/zz"}]}
ROOT = {"name": "main", "securityContext": {"runAsNonRoot": False, "runAsUser": 0}}
NIGHTLY = {"schedule": "0 3 * * *"}

ROWS = (
    Told(
        row="9",
        objects=[(TRAINING_JOBS, "m09", train(template={"spec": {"containers": [MAIN]}}))],
        reason="InvalidPodTemplate",
        says=("volumeMounts", 'Not found: "zz"'),
        correct=edit(TRAINING_JOBS, "m09", template=None),
        recovered=("Succeeded",),
    ),
    Told(
        row="16: model",
        objects=[(TRAINING_JOBS, "m16", train(model="m16-model"))],
        reason="ModelNotFound",
        says=("Model m16-model", "training starts once it is created"),
        correct=create(MODELS, "m16-model", {}),
        recovered=("Succeeded",),
    ),
    Told(
        row="16: alias",
        objects=[(MODEL_DEPLOYMENTS, "m16-alias", serve(model={"name": "digits", "alias": "champoin"}))],
        reason="AliasNotFound",
        says=("Model digits has no alias 'champoin'",),
        correct=edit(MODEL_DEPLOYMENTS, "m16-alias", model={"name": "digits", "alias": "champion"}),
        recovered=("Serving",),
    ),
    Told(
        row="18: format",
        objects=[(MODEL_DEPLOYMENTS, "m18", serve(model={"name": "digits", "version": "digits-onnx"}))],
        reason="NoRuntime",
        says=("loads format 'onnx' of digits-onnx", "kserve-sklearn (sklearn)", "or runtime.custom"),
        correct=edit(MODEL_DEPLOYMENTS, "m18", runtime={"custom": {"image": "example/onnx:1"}}),
        recovered=("Serving",),
    ),
    Told(
        row="18: runtime",
        objects=[(MODEL_DEPLOYMENTS, "m18-runtime", serve(runtime={"name": "nonsense"}))],
        reason="NoRuntime",
        says=("expected runtime 'nonsense'", "set runtime.name to one of these"),
        correct=edit(MODEL_DEPLOYMENTS, "m18-runtime", runtime={"name": "kserve-sklearn"}),
        recovered=("Serving",),
    ),
    Told(
        row="19: pod",
        objects=[(TRAINING_JOBS, "m19", train(template={"spec": {"toleration": []}}))],
        reason="InvalidPodTemplate",
        says=("unknown field spec.template.spec.toleration: correct the name",),
        correct=edit(TRAINING_JOBS, "m19", template=None),
        recovered=("Succeeded",),
    ),
    Told(
        row="19: server",
        objects=[(MODEL_DEPLOYMENTS, "m19-server", serve(template={"spec": {"container": []}}))],
        reason="InvalidPodTemplate",
        says=("unknown field spec.template.spec.container: correct the name",),
        correct=edit(MODEL_DEPLOYMENTS, "m19-server", template=None),
        recovered=("Serving",),
    ),
    Told(
        row="20: schedule",
        objects=[(RETRAIN_POLICIES, "m20", retrain({"name": "noon", "cron": {"schedule": "every day at noon"}}))],
        reason="InvalidSchedule",
        says=("trigger noon", "'every day at noon'", "expected 5 fields, found 4"),
        correct=edit(RETRAIN_POLICIES, "m20", triggers=[{"name": "noon", "cron": {"schedule": "0 12 * * *"}}]),
        recovered=("Idle",),
    ),
    Told(
        row="20: time zone",
        objects=[
            (RETRAIN_POLICIES, "m20-zone", retrain({"name": "n", "cron": {**NIGHTLY, "timeZone": "Europe/Berln"}}))
        ],
        reason="InvalidSchedule",
        says=("trigger n", "time zone 'Europe/Berln'"),
        correct=edit(
            RETRAIN_POLICIES, "m20-zone", triggers=[{"name": "n", "cron": {**NIGHTLY, "timeZone": "Europe/Berlin"}}]
        ),
        recovered=("Idle",),
    ),
    Told(
        row="21: signal",
        objects=[
            (RETRAIN_POLICIES, "m21-signal", retrain(signals=[{"name": "s", "monitor": "m21-live"}])),
        ],
        reason="MonitorNotFound",
        says=("m21-live",),
        correct=create(MODEL_MONITORS, "m21-live", watch()),
        recovered=("Idle",),
    ),
    Told(
        row="29",
        objects=[(TRAINING_JOBS, "m29", train(template={"spec": {"containers": [ROOT]}}))],
        reason="Forbidden",
        says=("violates PodSecurity", "runAsNonRoot"),
        correct=edit(TRAINING_JOBS, "m29", template=None),
        recovered=("Succeeded",),
    ),
    Told(
        row="39",
        objects=[(TRAINING_JOBS, "m39", train(serviceAccountName="m39-account"))],
        reason="Forbidden",
        says=('serviceaccount "m39-account" not found',),
        correct=create_plain(SERVICE_ACCOUNTS, "m39-account"),
        recovered=("Succeeded",),
    ),
    Told(
        row="40",
        objects=[
            (SERVICES, "m40", {"selector": {"app": "other"}, "ports": [{"port": 80}]}),
            (MODEL_DEPLOYMENTS, "m40", serve()),
        ],
        reason="NameTaken",
        says=("Service m40 already exists", "delete Service m40 in namespace", "or rename it"),
        correct=delete(SERVICES, "m40"),
        recovered=("Serving",),
        within=120.0,  # another owner's object is not watched: the name is tried again every minute
    ),
    Told(
        row="16: version to promote",
        objects=[(PROMOTIONS, "m16-promotion", {"model": "digits", "alias": "champion", "version": "digits-none"})],
        reason="ModelVersionNotFound",
        says=("digits-none",),
        correct=lambda workshop: workshop.version("digits-none", ready=False),
        recovered=("Promoted",),
    ),
)
