# SPDX-License-Identifier: Apache-2.0
"""A Promotion in a toy cluster; the Model's controller is played by hand."""

from datetime import datetime
from typing import Any

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionStatus
from mlops_operator.controllers.modelversion.gates import gate_results, open_promotions
from mlops_operator.controllers.modelversion.policies.results import with_results
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.work.plan import Plan
from tests.unit.controllers.builders import NOW, ToyCluster, ToyWorld, condition, key_of, make
from tests.unit.controllers.versions import digest_of, model_version

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
        names = ("version", "versionUid", "digest", "promotion", "promotionUid", "since")
        term = {name: former[name] for name in names}
        history = [term, *former.get("history", [])]
    entry = {
        "name": "champion",
        "version": version,
        **identity(toy, version),
        "promotion": by,
        "promotionUid": uid or f"uid-of-{by}",
        "since": timestamp(toy.now),
        "history": history,
    }
    obj["status"]["aliases"] = [entry]
    toy.store(obj)


def identity(toy: ToyCluster, version: str) -> Manifest:
    """UID and digest of a version as an alias holds them."""
    obj = toy.get(MODEL_VERSIONS, version)
    return {"versionUid": obj["metadata"]["uid"], "digest": obj["spec"]["artifact"]["digest"]}


def measured(toy: ToyCluster, evaluation: Manifest) -> Manifest:
    """The objects that an Evaluation measures, as its controller records them."""
    found = {}
    for role in ("candidate", "baseline"):
        if name := evaluation["spec"].get(role):
            obj = toy.get(MODEL_VERSIONS, name)
            digest = obj["spec"]["artifact"]["digest"]
            found[role] = {"name": name, "uid": obj["metadata"]["uid"], "digest": digest}
    return found


def record(toy: ToyCluster) -> None:
    """What the ModelVersions' controller does: results that Promotions wait for are recorded."""
    for obj in toy.world.all(MODEL_VERSIONS):
        key = key_of(obj)
        known = ModelVersionStatus.of(obj).gates
        waiting = open_promotions(key, toy.world)
        recorded = [entry.evaluation_uid for entry in known]
        digest = obj["spec"]["artifact"]["digest"]
        ref = VersionRef(name=key.name, uid=obj["metadata"]["uid"], digest=digest)
        fresh = list(gate_results(ref, key.namespace, toy.world, promotions=waiting, recorded=recorded))
        if fresh:
            gates = with_results(known, fresh, waiting=waiting)
            obj["status"]["gates"] = [entry.to_manifest() for entry in gates]
            toy.store(obj)


def judge(toy: ToyCluster, verdict: str, *, baseline: str | None = None, recorded: bool = True) -> Manifest:
    """The open Evaluation gets its verdict, and the version records it."""
    (evaluation,) = [
        obj
        for obj in toy.world.all(EVALUATIONS)
        if obj["spec"].get("baseline") == baseline and "verdict" not in obj.get("status", {})
    ]
    evaluation["status"] = {
        **measured(toy, evaluation),
        "data": [{"name": "holdout", "digest": digest_of("rows")}],
        "completionTime": timestamp(toy.now),
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
    stored = toy.store(evaluation)
    if recorded:
        record(toy)
    return stored


def status(toy: ToyCluster, name: str = "to-b") -> Manifest:
    return dict(toy.get(PROMOTIONS, name)["status"])


def ready(toy: ToyCluster, name: str = "to-b") -> Manifest:
    return condition(toy.get(PROMOTIONS, name), "Ready")


def gate_passed(toy: ToyCluster, name: str = "to-b") -> str:
    return str(condition(toy.get(PROMOTIONS, name), "GatePassed")["status"])


def settle(toy: ToyCluster, name: str = "to-b") -> Plan:
    return toy.settle(CONTROLLER, name)
