# SPDX-License-Identifier: Apache-2.0
"""A RetrainPolicy in a toy cluster; the other controllers are played by hand."""

from datetime import timedelta
from typing import Any

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import MAX_ALIAS_HISTORY
from mlops_operator.controllers.retrainpolicy.controller import RetrainPolicyController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from mlops_operator.runtime.work.plan import Plan
from tests.unit.controllers.builders import NAMESPACE, NOW, ToyCluster, ToyWorld, condition, later, make
from tests.unit.controllers.versions import digest_of, model_version

CONTROLLER = RetrainPolicyController(Settings())
NAME = "digits"
TRIGGER = "mlops-operator.io/trigger"
RESUME = "mlops-operator.io/resume"
SIGNAL: Manifest = {
    "name": "live",
    "monitor": "accuracy",
    "metric": "accuracy",
    "for": {"breached": 2, "of": 3, "within": "30m"},
}
NIGHTLY: Manifest = {"name": "nightly", "cron": {"schedule": "0 3 * * *"}}


def policy(**spec: Any) -> Manifest:
    fields: Manifest = {
        "model": "digits",
        "signals": [SIGNAL],
        "triggers": [{"name": "fell", "signal": "live"}],
        "guard": {"cooldown": "1h"},
        "promote": {"alias": "champion"},
        "training": {"spec": {"image": "example.test/train:1", "parameters": {"gamma": 0.001}}},
        **spec,
    }
    spec = {name: value for name, value in fields.items() if value is not None}
    return make(RETRAIN_POLICIES, NAME, spec=spec, status={"observedGeneration": -1})


def model(alias: str = "champion") -> Manifest:
    return make(MODELS, "digits", spec={"aliases": [{"name": alias}]})


def deployment(version: str = "digits-a", *, candidate: str | None = None) -> Manifest:
    def revision(name: str) -> Manifest:
        return {"version": name, "digest": digest_of(name), "revision": "r", "deployment": "d"}

    status: Manifest = {"stable": revision(version)}
    if candidate is not None:
        status["candidate"] = {**revision(candidate), "phase": "Starting", "since": timestamp(later(0))}
    return make(MODEL_DEPLOYMENTS, "digits", spec={"model": {"name": "digits", "alias": "champion"}}, status=status)


def monitor(pattern: str = "", *, version: str = "digits-a", start: float = 0) -> Manifest:
    """Windows of a minute: T breached, F not, U unknown."""
    breaches = {"T": "True", "F": "False", "U": "Unknown"}
    windows = [
        {
            "start": timestamp(later(start + 60 * i)),
            "end": timestamp(later(start + 60 * i + 60)),
            "version": version,
            "metrics": [
                {"name": "accuracy", "breached": breaches[letter], "value": 0.53, "lower": 0.9, "n": 200, "reason": "x"}
            ],
        }
        for i, letter in enumerate(pattern)
    ]
    spec = {
        "target": {"deployment": "digits"},
        "window": {"size": "1m"},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
    }
    return make(MODEL_MONITORS, "accuracy", spec=spec, status={"windows": windows})


def cluster(pattern: str = "", **spec: Any) -> ToyCluster:
    toy = ToyCluster(ToyWorld(policy(**spec), model(), deployment(), monitor(pattern)))
    toy.now = later(600)
    return toy


def settle(toy: ToyCluster) -> Plan:
    return toy.settle(CONTROLLER, NAME)


def status(toy: ToyCluster) -> Manifest:
    return dict(toy.get(RETRAIN_POLICIES, NAME)["status"])


def decisions(toy: ToyCluster) -> list[Manifest]:
    return list(status(toy).get("decisions", ()))


def ready(toy: ToyCluster) -> Manifest:
    return condition(toy.get(RETRAIN_POLICIES, NAME), "Ready")


def ask(toy: ToyCluster, value: str, *, annotation: str = TRIGGER) -> None:
    """A user sets an annotation."""
    obj = toy.get(RETRAIN_POLICIES, NAME)
    obj["metadata"].setdefault("annotations", {})[annotation] = value
    toy.store(obj)


def resume(toy: ToyCluster, value: str) -> None:
    """A user sets the resume annotation."""
    ask(toy, value, annotation=RESUME)


def promote(toy: ToyCluster, version: str, *, by: str | None = None, owner: Manifest | None = None) -> Manifest:
    """The Model moves the alias to `version`, for a user's Promotion, or for the one named `by`."""
    promotion = toy.world.get(PROMOTIONS, Key(NAMESPACE, by or ""))
    if promotion is None:
        name = by or f"to-{version}-at-{int(toy.now.timestamp())}"
        spec = {"model": "digits", "alias": "champion", "version": version}
        promotion = make(PROMOTIONS, name, spec=spec, status={"phase": "Promoted"}, owner=owner)
        toy.world.put(promotion)
    metadata = promotion["metadata"]
    obj = toy.get(MODELS, "digits")
    (former,) = (obj.get("status") or {}).get("aliases") or [{}]
    term = {
        "version": version,
        "promotion": metadata["name"],
        "promotionUid": metadata["uid"],
        "since": timestamp(toy.now),
    }
    history = [{name: former[name] for name in term}, *former.get("history", ())] if former else []
    obj["status"] = {"aliases": [{"name": "champion", **term, "history": history[:MAX_ALIAS_HISTORY]}]}
    toy.store(obj)
    return promotion


def step_forward(toy: ToyCluster, seconds: float) -> None:
    """Time passes, and the last two windows were breached."""
    toy.now += timedelta(seconds=seconds)
    start = (toy.now - NOW).total_seconds() - 120
    toy.world.put(monitor("TT", start=start))


def fail(toy: ToyCluster) -> None:
    """The training in flight fails."""
    (job,) = [obj for obj in trainings(toy) if "status" not in obj]
    training_ends(toy, version=None, job=job)
    settle(toy)


def trainings(toy: ToyCluster) -> list[Manifest]:
    """The TrainingJobs in the order of their decisions; first those that have left the history."""
    order = {entry.get("trainingJob"): position for position, entry in enumerate(decisions(toy))}
    return sorted(toy.world.all(TRAINING_JOBS), key=lambda job: order.get(job["metadata"]["name"], -1))


def training_ends(toy: ToyCluster, *, version: str | None = "digits-b", job: Manifest | None = None) -> None:
    """The (one) TrainingJob ends, with a version or without."""
    job = job or toy.only(TRAINING_JOBS)
    kind = "Complete" if version else "Failed"
    said = {"status": "True", "reason": kind, "message": "in words", "lastTransitionTime": timestamp(toy.now)}
    job["status"] = {
        "conditions": [{"type": kind, **said}, {"type": "Ready", **said, "status": str(bool(version))}],
        "completionTime": timestamp(toy.now),
    }
    if version:
        job["status"]["modelVersion"] = version
    toy.store(job)


def promotion_ends(toy: ToyCluster, phase: str) -> None:
    (promotion,) = [obj for obj in toy.world.all(PROMOTIONS) if "status" not in obj]
    promotion["status"] = {"phase": phase, "message": "in numbers"}
    toy.store(promotion)


def run_through(toy: ToyCluster, *, version: str = "digits-b", phase: str = "Promoted") -> None:
    """The open training to its end."""
    (job,) = [obj for obj in trainings(toy) if "status" not in obj]
    training_ends(toy, version=version, job=job)
    settle(toy)
    toy.world.put(model_version(version))
    settle(toy)
    promotion_ends(toy, phase)
    settle(toy)
