# SPDX-License-Identifier: Apache-2.0
"""Retraining under guards: how many trainings a policy starts in 30 days, by the shipped plan on a virtual clock.

Windows are measured one after the other; a training takes two windows, and its gate one. Nothing here
decides: the controller plans, and the simulation plays the API server, the Job and the gate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.decisions import table as tables
from bench.decisions.table import Table
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Key, Manifest, controller_uid
from mlops_operator.controllers.retrainpolicy.controller import RetrainPolicyController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.work.identity import stamped
from mlops_operator.runtime.work.plan import Create
from tests.unit.controllers.lookups import Lookups

DAYS: Final = 30
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
NAMESPACE: Final = "bench"
MODEL: Final = "model"
KEPT: Final = 20
"""Windows that a ModelMonitor keeps in its status."""

TRAINING_WINDOWS: Final = 2
"""Windows that a training takes; its gate takes one more."""

DIGEST: Final = "sha256:" + "0" * 64

UNGUARDED: Final[Manifest] = {
    "backoff": {"initial": "0s"},
    "circuitBreaker": {"failureThreshold": 100, "openDuration": "1m"},
    "budget": {"runs": 100, "per": "1m"},
}
"""Only the cooldown is left."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One policy and what happens to it.

    Attributes:
        pattern: verdicts of the windows, repeated: T breached, F not, U unknown.
        gate: result of every Promotion.
        window: minutes per window.
        days: how long it is simulated.
    """

    name: str
    pattern: str = "T"
    gate: str = "Rejected"
    guard: Mapping[str, object] = field(default_factory=dict)
    window: int = 5
    days: int = DAYS


CASES: Final = (
    Case(name="cooldown alone, every gate rejects", guard=UNGUARDED),
    Case(name="defaults, every gate rejects"),
    Case(name="defaults without breaker", guard={"circuitBreaker": UNGUARDED["circuitBreaker"]}),
    Case(name="defaults, verdicts alternate", pattern="TF"),
    Case(name="defaults, every gate promotes", gate="Promoted"),
    Case(name="defaults, 1 h windows", window=60),
    Case(name="defaults, 24 h windows", window=24 * 60),
    Case(name="one breach each 90 minutes, unknown between", pattern="T" + 17 * "U"),
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a policy did in the time.

    Attributes:
        starts: moments at which trainings started.
        writes: statuses and children that the policy wrote.
        reasons: why it last skipped a trigger, the latest last.
    """

    case: Case
    starts: Sequence[datetime]
    writes: int
    reasons: Sequence[str]


class World(Lookups):
    """The objects, without copies: the plan does not change what it sees."""

    def __init__(self) -> None:
        self.objects: dict[Resource, dict[str, Manifest]] = {}

    def put(self, resource: Resource, name: str, spec: Manifest, status: Manifest | None = None) -> Manifest:
        """Create or replace an object."""
        metadata = {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"{resource.plural}-{name}",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": timestamp(BEGIN),
        }
        obj = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": metadata,
            "spec": spec,
            "status": status or {},
        }
        self.objects.setdefault(resource, {})[name] = obj
        return obj

    def all(self, resource: Resource) -> list[Manifest]:
        """Every object of a resource."""
        return list(self.objects.get(resource, {}).values())

    def get(self, resource: Resource, key: Key) -> Manifest | None:
        """See `mlops_operator.runtime.work.controller.World`."""
        return self.objects.get(resource, {}).get(key.name)

    def owned(self, resource: Resource, uid: str) -> Sequence[Manifest]:
        """See `mlops_operator.runtime.work.controller.World`."""
        return [obj for obj in self.all(resource) if controller_uid(obj) == uid]

    def indexed(self, index: Index, value: str) -> Sequence[Manifest]:
        """See `mlops_operator.runtime.work.controller.World`."""
        return [obj for obj in self.all(index.resource) if value in index.values(obj)]


class Simulation:
    """A policy, its monitor, and the rest of the loop."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.now = BEGIN
        self.tick = 0
        self.starts: list[datetime] = []
        self.writes = 0
        self.controller = RetrainPolicyController(Settings())
        self.world = World()
        self.world.put(MODELS, MODEL, {"aliases": [{"name": "champion"}]})
        self._serve("v0")
        size = {"size": f"{case.window}m"}
        self.monitor = self.world.put(MODEL_MONITORS, "live", {"target": {"deployment": MODEL}, "window": size})
        self.monitor["status"] = {"windows": []}
        self.policy = self.world.put(
            RETRAIN_POLICIES,
            "policy",
            {
                "model": MODEL,
                "signals": [{"name": "live", "monitor": "live", "metric": "accuracy"}],
                "triggers": [{"name": "fell", "signal": "live"}],
                "guard": dict(case.guard),
                "promote": {"alias": "champion"},
                "training": {"spec": {"image": "example.test/train:1"}},
            },
        )

    def run(self) -> Result:
        """All windows of the time."""
        for _ in range(self.case.days * 24 * 60 // self.case.window):
            self._window()
            self._children()
            self._settle()
        decisions = self.policy["status"].get("decisions", ())
        reasons = [entry["reason"] for entry in decisions if entry["outcome"] == "Skipped"]
        return Result(case=self.case, starts=tuple(self.starts), writes=self.writes, reasons=reasons)

    def _window(self) -> None:
        start, self.now = self.now, self.now + timedelta(minutes=self.case.window)
        letter = self.case.pattern[self.tick % len(self.case.pattern)]
        self.tick += 1
        breached = {"T": "True", "F": "False", "U": "Unknown"}[letter]
        verdict = {"name": "accuracy", "breached": breached, "value": 0.8, "lower": 0.9, "n": 500, "reason": "x"}
        window = {"start": timestamp(start), "end": timestamp(self.now), "version": self.version, "metrics": [verdict]}
        self.monitor["status"] = {"windows": [*self.monitor["status"]["windows"], window][-KEPT:]}

    def _children(self) -> None:
        """Trainings and gates that are due come to their end, and old ones are deleted."""
        for job in self.world.all(TRAINING_JOBS):
            if not job["status"] and self._age(job) >= TRAINING_WINDOWS:
                self._trained(job)
        for promotion in self.world.all(PROMOTIONS):
            if not promotion["status"] and self._age(promotion) >= 1:
                promotion["status"] = {"phase": self.case.gate, "message": "simulated"}
                if self.case.gate == "Promoted":
                    self._serve(promotion["spec"]["version"])
        for resource in (TRAINING_JOBS, PROMOTIONS):
            for obj in self.world.all(resource):
                if obj["status"] and self._age(obj) >= KEPT:
                    del self.world.objects[resource][obj["metadata"]["name"]]

    def _serve(self, version: str) -> None:
        self.version = version
        served = {"version": version, "digest": DIGEST, "revision": "r", "deployment": "d"}
        spec = {"model": {"name": MODEL, "alias": "champion"}}
        self.world.put(MODEL_DEPLOYMENTS, MODEL, spec, {"stable": served})

    def _age(self, obj: Manifest) -> float:
        created = datetime.fromisoformat(obj["metadata"]["creationTimestamp"])
        return (self.now - created) / timedelta(minutes=self.case.window)

    def _trained(self, job: Manifest) -> None:
        version = f"{job['metadata']['name']}-v"
        ready = {"type": "Ready", "status": "True", "reason": "Ready", "lastTransitionTime": timestamp(self.now)}
        complete = {**ready, "type": "Complete"}
        moment = timestamp(self.now)
        job["status"] = {"conditions": [complete, ready], "completionTime": moment, "modelVersion": version}
        artifact = {"uri": f"pvc://store/{version}", "digest": DIGEST, "format": "onnx"}
        origin = {"name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
        spec = {"model": MODEL, "artifact": artifact, "lineage": {"trainingJob": origin}}
        self.world.put(MODEL_VERSIONS, version, spec, {"conditions": [ready]})

    def _settle(self) -> None:
        for _ in range(20):
            plan = self.controller.plan(self.policy, self.world, {}, self.now)
            for action in plan.actions:
                assert isinstance(action, Create)
                self._create(action)
            if plan.status == self.policy["status"] and not plan.actions:
                return
            self.writes += 1
            self.policy["status"] = plan.status
        raise AssertionError(f"the policy does not come to rest: {self.policy['status']}")

    def _create(self, action: Create) -> None:
        metadata = stamped(action.manifest)["metadata"]
        obj = self.world.put(action.resource, metadata["name"], action.manifest["spec"])
        obj["metadata"] |= {**metadata, "creationTimestamp": timestamp(self.now)}
        self.writes += 1
        if action.resource == TRAINING_JOBS:
            self.starts.append(self.now)


def table(cases: Iterable[Case] = CASES) -> Iterable[Sequence[str]]:
    """Rows of the table: case, trainings in 30 days, on the first day, writes, and the latest reason of a skip."""
    yield ("case", "trainings in 30 days", "on day 1", "writes", "last skipped because of")
    for case in cases:
        result = Simulation(case).run()
        first = sum(start < BEGIN + timedelta(days=1) for start in result.starts)
        reason = result.reasons[-1] if result.reasons else "-"
        yield (case.name, str(len(result.starts)), str(first), str(result.writes), reason)


def trainings(quick: bool) -> Table:
    """The page's table of retraining policies."""
    heads, *rows = table(replace(case, days=1) for case in CASES) if quick else table()
    return Table(
        title="trainings that a RetrainPolicy starts on a breach that training cannot cure",
        note=f"{1 if quick else DAYS} days of windows through the shipped plan; 5-minute windows unless stated.",
        columns=heads,
        rows=rows,
    )


SIMULATIONS: Final = (tables.Simulation(name="policy", make=trainings),)
