# SPDX-License-Identifier: Apache-2.0
"""A Model in a toy cluster."""

from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.work.plan import Plan
from tests.unit.controllers.builders import NOW, ToyCluster, ToyWorld, later, make
from tests.unit.controllers.versions import digest_of

NAME = "digits"
SINCE = "2026-01-01T00:00:00Z"


def version(name: str, *, age: float = 0, ready: bool = True, rejected: bool = False, uid: str = "") -> Manifest:
    """A ModelVersion, so many seconds old."""

    def entry(kind: str, *, true: bool) -> Manifest:
        return {"type": kind, "status": "True" if true else "False", "reason": "R", "lastTransitionTime": SINCE}

    return make(
        MODEL_VERSIONS,
        name,
        spec={
            "model": NAME,
            "artifact": {"uri": f"pvc://store/{name}", "digest": digest_of(name), "format": "sklearn"},
        },
        status={"conditions": [entry("Rejected", true=rejected), entry("Ready", true=ready)]},
        created=later(-age),
        uid=uid or None,
    )


def promotion(
    name: str,
    version: str,
    *,
    alias: str = "champion",
    passed: bool = True,
    candidate: str = "",
    origin: str | None = None,
    origin_uid: str = "",
    phase: str = "Promoting",
    created: float = 0,
    model: str = NAME,
) -> Manifest:
    """A Promotion; `origin` is the version from which it may move the alias; UIDs are those of the names."""
    gate = {
        "type": "GatePassed",
        "status": "True" if passed else "Unknown",
        "reason": "GatePassed",
        "lastTransitionTime": SINCE,
    }
    status: Manifest = {"phase": phase, "conditions": [gate]}
    if passed:
        status["candidate"] = {"name": version, "uid": candidate or f"uid-of-{version}", "digest": digest_of(version)}
    if origin:
        status |= {"from": origin, "fromUid": origin_uid or f"uid-of-{origin}"}
    spec = {"model": model, "alias": alias, "version": version}
    return make(PROMOTIONS, name, spec=spec, status=status, created=later(created))


class Registry:
    """Drives one Model."""

    def __init__(self, *others: Manifest, **spec: Any) -> None:
        spec = spec or {"aliases": [{"name": "champion"}]}
        obj = make(MODELS, NAME, spec=spec, status={"observedGeneration": -1})
        self.cluster = ToyCluster(ToyWorld(obj, *others), now=NOW)
        self.controller = ModelController(Settings())
        self.settle()

    @property
    def obj(self) -> Manifest:
        return self.cluster.get(MODELS, NAME)

    @property
    def status(self) -> Manifest:
        status: Manifest = self.obj["status"]
        return status

    @property
    def numbers(self) -> dict[str, int]:
        return {entry["name"]: entry["number"] for entry in self.status.get("versions", ())}

    def alias(self, name: str = "champion") -> Manifest | None:
        return next((entry for entry in self.status.get("aliases", ()) if entry["name"] == name), None)

    def points_at(self, name: str = "champion") -> str | None:
        entry = self.alias(name)
        return entry["version"] if entry else None

    def settle(self) -> Plan:
        return self.cluster.settle(self.controller, NAME)

    def put(self, *objects: Manifest) -> Plan:
        self.cluster.world.put(*objects)
        return self.settle()

    def finish(self, name: str, phase: str) -> Plan:
        """A Promotion ends."""
        obj = self.cluster.get(PROMOTIONS, name)
        obj.setdefault("status", {})["phase"] = phase
        self.cluster.store(obj)
        return self.settle()

    @property
    def events(self) -> list[str]:
        return [event.reason for event in self.cluster.events]
