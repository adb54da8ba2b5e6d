"""A Promotion in a toy cluster; the Model's controller is played by hand."""

from datetime import datetime
from typing import Any

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import EVALUATIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import NOW, ToyCluster, ToyWorld, condition, make
from tests.unit.controllers.versions import model_version

CONTROLLER = PromotionController(Settings())
GATE: Manifest = {
    "data": [{"name": "holdout", "uri": "pvc://data/holdout.npz"}],
    "metrics": [{"name": "accuracy", "slice": "original", "min": 0.93}, {"name": "accuracy", "change": {"min": 0}}],
}


def model(gate: Manifest | None = GATE, *, alias: str = "champion") -> Manifest:
    entry: Manifest = {"name": alias}
    if gate is not None:
        entry["gate"] = gate
    return make(MODELS, "digits", spec={"aliases": [entry]}, status={"observedGeneration": 1})


def promotion(name: str = "to-b", *, version: str = "digits-b", created: datetime = NOW, **spec: Any) -> Manifest:
    fields = {"model": "digits", "alias": "champion", "version": version, **spec}
    return make(PROMOTIONS, name, spec=fields, status={"observedGeneration": -1}, created=created)


def cluster(*objects: Manifest) -> ToyCluster:
    versions = (model_version("digits-a"), model_version("digits-b"))
    return ToyCluster(ToyWorld(*versions, *objects))


def point(toy: ToyCluster, version: str, *, by: str, uid: str | None = None) -> None:
    """What the Model's controller does: the alias moves, and the former term goes into the history."""
    obj = toy.get(MODELS, "digits")
    former = (obj["status"].get("aliases") or [None])[0]
    history = []
    if former is not None:
        term = {name: former[name] for name in ("version", "promotion", "promotionUid", "since")}
        history = [term, *former.get("history", [])]
    entry = {
        "name": "champion",
        "version": version,
        "promotion": by,
        "promotionUid": uid or f"uid-of-{by}",
        "since": timestamp(toy.now),
        "history": history,
    }
    obj["status"]["aliases"] = [entry]
    toy.store(obj)


def judge(toy: ToyCluster, verdict: str, *, baseline: str | None = None) -> Manifest:
    """The open Evaluation gets its verdict."""
    (evaluation,) = [
        obj
        for obj in toy.world.all(EVALUATIONS)
        if obj["spec"].get("baseline") == baseline and "verdict" not in obj.get("status", {})
    ]
    evaluation["status"] = {
        "phase": "Failed" if verdict == "Error" else "Succeeded",
        "verdict": verdict,
        "metrics": [{"name": "accuracy", "verdict": verdict, "candidate": 0.95, "n": 898}],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Measured",
                "message": f"{verdict}: in numbers",
                "lastTransitionTime": timestamp(toy.now),
            }
        ],
    }
    return toy.store(evaluation)


def status(toy: ToyCluster, name: str = "to-b") -> Manifest:
    return dict(toy.get(PROMOTIONS, name)["status"])


def ready(toy: ToyCluster, name: str = "to-b") -> Manifest:
    return condition(toy.get(PROMOTIONS, name), "Ready")


def gate_passed(toy: ToyCluster, name: str = "to-b") -> str:
    return str(condition(toy.get(PROMOTIONS, name), "GatePassed")["status"])


def settle(toy: ToyCluster, name: str = "to-b") -> None:
    toy.settle(CONTROLLER, name)
