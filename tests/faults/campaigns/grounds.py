# SPDX-License-Identifier: Apache-2.0
"""What each kind's campaign stands on: the objects around it, who reconciles, and what is not compared."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import Manifest
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.crd.definition import object_schema
from mlops_operator.codegen.crd.structural import OpenAPI
from mlops_operator.kube.resources import (
    EVALUATIONS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from tests.integration.workshop import Workshop, digest_of

CASES: Final = Path(__file__).parent / "cases"

Prepare = Callable[[Workshop], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One kind's.

    Attributes:
        resource: the kind.
        controllers: class names of those that reconcile; whatever else a status says is the test's word.
        prepare: makes the objects that specs refer to.
        renew: makes anew what a former object has changed for good.
        immutable: whether another spec takes another object.
        ended: phases in which an object takes no notice of its spec any more; another spec takes another object.
        busy: reasons of `Ready` that pass by themselves.
        calm: seconds without a write of the operator after which an object is taken to be at rest.
        history: beginnings of paths that hold what has been: `<plural>` or `<plural> <path>`, and why.
        alike: whether an object ends the same with a spec whatever it has been before.
        idle: whether a spec may be given to the operator at all: it starts neither too many pods nor something
            that goes on with the clock, so that an end can be waited for.
    """

    resource: Resource
    controllers: tuple[str, ...]
    prepare: Prepare
    renew: Prepare | None = None
    immutable: bool = False
    ended: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()
    calm: float = 1.0
    history: dict[str, str] = field(default_factory=dict)
    alike: Callable[[Manifest], bool] = lambda _spec: True
    idle: Callable[[Manifest], bool] = lambda _spec: True

    @property
    def kind(self) -> Kind:
        """Its models."""
        return next(kind for kind in KINDS if kind.plural == self.resource.plural)

    @property
    def schema(self) -> OpenAPI:
        """Of the spec, as the CRD has it."""
        schema: OpenAPI = object_schema(self.kind)["properties"]["spec"]
        return schema

    @property
    def cases(self) -> Any:
        """`base`, a spec with every field in use that ends well here; `nonsense`, what no schema can see."""
        return yaml.safe_load((CASES / f"{self.resource.plural}.yaml").read_text())


async def _model(workshop: Workshop) -> None:
    aliases = [{"name": "champion"}, {"name": "shadow"}]
    await workshop.create(MODELS, "digits", {"aliases": aliases})


async def _versions(workshop: Workshop) -> None:
    await _model(workshop)
    await workshop.version("digits-1")
    await workshop.version("digits-2")
    await workshop.version("digits-raw", ready=False)


async def _gated(workshop: Workshop) -> None:
    await _aliases(workshop)
    for name in ("digits-1", "digits-2"):
        await workshop.version(name)
    await workshop.version("digits-raw", ready=False)


async def _aliases(workshop: Workshop) -> None:
    names = {entry["metadata"]["name"] for entry in await workshop.all(MODELS)}
    if "digits" in names:
        await workshop.client.delete(MODELS, namespace=workshop.namespace, name="digits")
    rules = [{"name": "accuracy", "min": 0.5}]
    gate = {"data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}], "metrics": rules}
    strict = {**gate, "baseline": {"missing": "Reject"}}
    aliases: list[Manifest] = [
        {"name": "champion"},
        {"name": "gated", "gate": gate},
        {"name": "strict", "gate": strict},
    ]
    await workshop.create(MODELS, "digits", {"aliases": aliases})


async def _one_version(workshop: Workshop) -> None:
    await workshop.version("digits-1")


async def _served(workshop: Workshop) -> None:
    spec = {"model": {"name": "digits", "version": "digits-1"}}
    for name in ("digits", "unserved"):
        await workshop.create(MODEL_DEPLOYMENTS, name, spec)
    stable = {"version": "digits-1", "digest": digest_of("digits-1"), "revision": "r", "deployment": "digits-r"}
    await workshop.say(MODEL_DEPLOYMENTS, "digits", {"stable": stable})


async def _watched(workshop: Workshop) -> None:
    await _model(workshop)
    spec = {
        "target": {"deployment": "digits"},
        "source": {"predictionLog": {"uri": "pvc://store/log"}},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
    }
    await workshop.create(MODEL_MONITORS, "live", spec)


def _few_pods(spec: Manifest) -> bool:
    """At most three pods, all of which may run for as long as they need, and whose end stays to be seen or is none."""
    deadline, left = spec.get("activeDeadlineSeconds"), spec.get("ttlSecondsAfterFinished")
    in_time = deadline is None or deadline > 60
    return (spec.get("replicas") or 1) <= 3 and in_time and (not left or left > 600)


def _few_servers(spec: Manifest) -> bool:
    """At most three servers, and no step or bake of a rollout that takes longer than an end is waited for."""
    scaling = spec.get("autoscaling") or {}
    few = (spec.get("replicas") or 0) <= 3 and (scaling.get("minReplicas") or 1) <= 3
    rollout = spec.get("rollout") or {}
    return few and rollout.get("steps") == [] and rollout.get("bake") == "0s"


def _some_servers(spec: Manifest) -> bool:
    """Without replicas a version that was served is kept ready to come back, and a first one is not begun."""
    return "autoscaling" in spec or spec.get("replicas") != 0


def _no_window_ends(spec: Manifest) -> bool:
    """No window ends while a campaign lasts, unless its Job is refused: that is then the end."""
    return (spec.get("window") or {}).get("size") == "720h"


GROUNDS: Final = {
    ground.resource.kind: ground
    for ground in (
        Ground(
            resource=TRAINING_JOBS,
            controllers=("TrainingJobController",),
            prepare=_model,
            ended=frozenset({"Succeeded", "Failed"}),
            busy=frozenset({"Starting", "Running", "BackingOff"}),
            idle=_few_pods,
        ),
        Ground(
            resource=MODELS,
            controllers=("ModelController",),
            prepare=_one_version,
            history={"promotions": "what was offered once stays as a record, also when its alias is gone"},
        ),
        Ground(
            resource=MODEL_VERSIONS,
            controllers=("ModelVersionController",),
            prepare=_model,
            immutable=True,
            busy=frozenset({"Verifying"}),
        ),
        Ground(
            resource=EVALUATIONS,
            controllers=("EvaluationController",),
            prepare=_versions,
            immutable=True,
            busy=frozenset({"Running"}),
        ),
        Ground(
            resource=PROMOTIONS,
            controllers=("PromotionController", "ModelController", "EvaluationController"),
            prepare=_gated,
            renew=_aliases,
            immutable=True,
            busy=frozenset({"Evaluating", "GatePassed", "NoGate"}),
        ),
        Ground(
            resource=MODEL_DEPLOYMENTS,
            controllers=("ModelDeploymentController",),
            prepare=_versions,
            busy=frozenset({"Loading", "RollingOut", "ReplicasUnavailable"}),
            calm=3.0,  # Deployments, their pods and the fake kubelet take turns
            history={
                "modeldeployments status.stopped": "a candidate that was stopped is remembered and not tried again"
            },
            alike=_some_servers,
            idle=_few_servers,
        ),
        Ground(
            resource=MODEL_MONITORS,
            controllers=("ModelMonitorController",),
            prepare=_served,
            history={
                "modelmonitors status.skippedWindows": "counts what was missed",
            },
            idle=_no_window_ends,
        ),
        Ground(
            resource=RETRAIN_POLICIES,
            controllers=("RetrainPolicyController",),
            prepare=_watched,
            history={"retrainpolicies status.decisions": "an append-only record"},
        ),
    )
}
"""By kind, in the order in which the kinds are documented."""
