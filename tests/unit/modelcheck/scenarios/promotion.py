# SPDX-License-Identifier: Apache-2.0
"""Promotions that ask to move an alias, and the Model that moves it: both controllers at work.

The versions record what Evaluations found, as their own controller does.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from operator import methodcaller

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.modelversion import ModelVersionStatus
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.modelversion.gates import gate_results, open_promotions
from mlops_operator.controllers.modelversion.policies.results import with_results
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS, Resource
from mlops_operator.runtime.cache.index import Index
from tests.unit.controllers.builders import NAMESPACE, NOW, condition
from tests.unit.controllers.lookups import Lookups
from tests.unit.controllers.promotion import scene
from tests.unit.controllers.versions import digest_of, model_version
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id, Item
from tests.unit.modelcheck.scenarios.base import Base, appended, create, deletions, status_of
from tests.unit.modelcheck.state import Happening

MODEL = "digits"
FINAL = frozenset({"Promoted", "Rejected", "Superseded"})
GATE: Manifest = {"data": scene.GATE["data"], "metrics": [{"name": "accuracy", "min": 0.93}]}


class Gate(Base):
    """Up to two versions, and a Promotion to each that the user may create.

    Args:
        name: what reports call it.
        asked: versions that exist with a Promotion to each at first. Each further object multiplies the states.
    """

    terminal = {PROMOTIONS: FINAL}

    def __init__(self, name: str, *asked: str) -> None:
        self.name = name
        self.asked = asked
        self.controllers = (PromotionController(Settings()), ModelController(Settings()))

    def begin(self, server: ApiServer) -> None:
        spec = {"aliases": [{"name": "champion", "gate": GATE}]}
        create(server, MODELS, MODEL, spec, status={"observedGeneration": -1})
        for version in self.asked:
            server.create(MODEL_VERSIONS, _verified(version))
        for version in self.asked:
            self.ask(version, server)

    def ask(self, version: str, server: ApiServer) -> None:
        """A person makes a Promotion, later than all before it."""
        server.now += 1
        server.create(PROMOTIONS, scene.promotion(f"to-{version[-1]}", version=version))

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        yield from super().cluster(server)
        for item in server.all(EVALUATIONS):
            if "verdict" not in status_of(item):
                for verdict, phase in (("Pass", "Succeeded"), ("Fail", "Succeeded")):
                    status = {"phase": phase, "verdict": verdict, **_measured(item, server)}
                    yield Happening(f"{item.id}: {verdict}", methodcaller("report", item, status))
        for item in server.all(MODEL_VERSIONS):
            if (gates := _with_new_results(item, server)) is not None:
                status = {**status_of(item), "gates": gates}
                yield Happening(f"{item.id} records a result", methodcaller("report", item, status))

    def people(self, server: ApiServer) -> Iterator[Happening]:
        for version in ("digits-a", "digits-b"):
            if Id(PROMOTIONS, f"to-{version[-1]}") not in server.items:
                yield Happening(f"a person asks for {version}", partial(self.ask, version))
            if Id(MODEL_VERSIONS, version) not in server.items:
                again = _verified(version)
                yield Happening(f"{version} comes back", methodcaller("create", MODEL_VERSIONS, again))
        for resource in (PROMOTIONS, EVALUATIONS, MODEL_VERSIONS):
            yield from deletions(server.all(resource), held=(False,))

    def marks(self, write: Write) -> frozenset[str]:
        """Which versions were let through by which Promotions and from where, and which results were recorded."""
        if write.after is None:
            return frozenset()
        status = status_of(write.after)
        if write.id.resource == MODEL_VERSIONS:
            results = status.get("gates") or ()
            return frozenset(_recorded(entry["promotionUid"]) for entry in results if entry["verdict"] == "Pass")
        gate = condition(write.after.data, "GatePassed") if write.id.resource == PROMOTIONS else {}
        if gate.get("status") != "True":
            return frozenset()
        candidate, origin = status["candidate"]["uid"], status.get("fromUid")
        return frozenset({_passed(write.after.uid, candidate, origin, by=gate["reason"])})

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource == MODELS and write.before is not None and write.after is not None:
            self._check_move(_alias(write.before), _alias(write.after), before)

    def _check_move(self, former: Manifest, now: Manifest, server: ApiServer) -> None:
        if now == former:
            return
        assert now, f"the alias was lost: {former}"
        if now.get("reason") == "Restored":
            assert not former, f"{former} was restored to {now}"
            assert self.restores(server, now), f"{now} was restored, and no verified version has the declared digest"
            return
        terms = [_term(former), *former.get("history", ())] if former else []
        appended(list(reversed(terms)), list(reversed([_term(now), *now.get("history", ())])), "the alias's history")
        uid, version, origin = now["promotionUid"], now["versionUid"], former.get("versionUid")
        by_gate = {_passed(uid, version, origin, by="GatePassed"), _recorded(uid)} <= server.marks
        again = _passed(uid, version, origin, by="FormerVersion") in server.marks
        assert not again or version in {term["versionUid"] for term in former.get("history", ())}, (
            f"{now} is no rollback"
        )
        assert by_gate or again, f"{now} has no recorded passing gate against {former}; there are {server.marks}"

    def restores(self, server: ApiServer, entry: Manifest) -> bool:
        """Whether an alias without an entry may become this one by its spec alone."""
        return False

    def check_rest(self, server: ApiServer) -> None:
        versions = {item.id.name for item in server.all(MODEL_VERSIONS)}
        alias = _alias(server.items[Id(MODELS, MODEL)])
        moved = {term.get("promotionUid") for term in (alias, *alias.get("history", ())) if term}
        for item in server.all(PROMOTIONS):
            phase = status_of(item).get("phase")
            there = item.data["spec"]["version"] in versions
            assert phase in FINAL or not there, f"{item} rests in {phase}"
            assert phase == "Promoted" or item.uid not in moved, f"{item} moved the alias and says {phase}"


class Restore(Gate):
    """The alias is to be restored to a version that may be created at any time. A Promotion asks for another one."""

    def begin(self, server: ApiServer) -> None:
        restore = {"version": "digits-a", "digest": digest_of("digits-a")}
        spec = {"aliases": [{"name": "champion", "gate": GATE, "restore": restore, "bootstrap": True}]}
        create(server, MODELS, MODEL, spec, status={"observedGeneration": -1})
        server.create(MODEL_VERSIONS, _verified("digits-b"))
        self.ask("digits-b", server)

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        yield from super().cluster(server)
        alias = _alias(server.items[Id(MODELS, MODEL)])
        if not alias and Id(MODEL_VERSIONS, "digits-a") not in server.items:
            yield Happening("digits-a is restored", methodcaller("create", MODEL_VERSIONS, _verified("digits-a")))

    def restores(self, server: ApiServer, entry: Manifest) -> bool:
        return (entry["version"], entry["digest"]) == ("digits-a", digest_of("digits-a"))

    def check_rest(self, server: ApiServer) -> None:
        super().check_rest(server)
        alias = _alias(server.items[Id(MODELS, MODEL)])
        first = (alias.get("history") or [alias])[-1]
        assert first.get("reason") == "Restored", f"the alias was moved by {first} before it was restored"


class _Present(Lookups):
    """The API server's objects as they are now, looked up as a controller does."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def get(self, resource: Resource, key: Key) -> Manifest | None:
        return self.server.get(resource, key.name)

    def owned(self, resource: Resource, uid: str) -> Sequence[Manifest]:
        return [item.data for item in self.server.all(resource) if item.owner == uid]

    def indexed(self, index: Index, value: str) -> Sequence[Manifest]:
        return [item.data for item in self.server.all(index.resource) if value in index.values(item.data)]


def _with_new_results(item: Item, server: ApiServer) -> list[Manifest] | None:
    """The version's gate results with those that it has not recorded yet, None where there are none.

    The ModelVersions' controller is a world of its own. Here only its answer matters, at any later moment.
    """
    world, key = _Present(server), Key(NAMESPACE, item.id.name)
    known = ModelVersionStatus.of(item.data).gates
    waiting = open_promotions(key, world)
    ref = VersionRef(name=key.name, uid=item.uid, digest=item.data["spec"]["artifact"]["digest"])
    recorded = [entry.evaluation_uid for entry in known]
    fresh = list(gate_results(ref, key.namespace, world, promotions=waiting, recorded=recorded))
    return [entry.to_manifest() for entry in with_results(known, fresh, waiting=waiting)] if fresh else None


def _verified(version: str) -> Manifest:
    """A ModelVersion whose artifact has been verified, so that its controller has nothing to create."""
    obj = model_version(version)
    obj["status"]["verifiedAt"] = timestamp(NOW)
    return obj


def _measured(evaluation: Item, server: ApiServer) -> Manifest:
    """The objects that an Evaluation measures, as its controller records them; nothing for one that is gone."""
    found = {}
    for role in ("candidate", "baseline"):
        version = server.items.get(Id(MODEL_VERSIONS, evaluation.data["spec"].get(role, "")))
        if version is not None:
            digest = version.data["spec"]["artifact"]["digest"]
            found[role] = {"name": version.id.name, "uid": version.uid, "digest": digest}
    return found


def _passed(uid: str, version: str, origin: str | None, *, by: str) -> str:
    return f"{uid} let {version} through from {origin} by {by}"


def _recorded(uid: str) -> str:
    return f"the pass of {uid} is recorded"


def _alias(model: Item) -> Manifest:
    aliases = status_of(model).get("aliases") or [{}]
    return dict(aliases[0])


def _term(alias: Manifest) -> Manifest:
    names = ("version", "versionUid", "digest", "reason", "promotion", "promotionUid", "since")
    return {name: alias[name] for name in names if name in alias}


def small() -> list[Gate]:
    """The worlds that are walked."""
    return [Gate("promotion", "digits-a"), Gate("promotions", "digits-a", "digits-b"), Restore("restore")]
