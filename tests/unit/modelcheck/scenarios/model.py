# SPDX-License-Identifier: Apache-2.0
"""A Model with versions that come, get ready and go, and offers of a first version for its alias."""

from collections.abc import Iterator
from operator import methodcaller

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.model.driver import promotion, version
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id, Item
from tests.unit.modelcheck.scenarios.base import Base, create, deletions, edits, status_of
from tests.unit.modelcheck.state import Happening

NAME = "digits"
VERSIONS = ("v1", "v2")


class Registry(Base):
    """One Model with one alias that wants a first version; the Promotions' controller is played."""

    name = "model"
    terminal = {PROMOTIONS: frozenset({"Promoted", "Rejected", "Superseded"})}
    waits = (60,)

    def __init__(self) -> None:
        self.controllers = (ModelController(Settings()),)

    def begin(self, server: ApiServer) -> None:
        self.model(server)
        server.create(MODEL_VERSIONS, version("v1", ready=False))

    def model(self, server: ApiServer) -> None:
        """A person makes the Model."""
        spec = {"aliases": [{"name": "champion", "bootstrap": True}]}
        create(server, MODELS, NAME, spec, status={"observedGeneration": -1})

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        yield from super().cluster(server)
        for item in server.all(PROMOTIONS):
            yield from self._promoting(server, item)
        for item in server.all(MODEL_VERSIONS):
            good = version(item.id.name)["status"]
            if status_of(item) != good:
                yield Happening(f"{item.id} becomes ready", methodcaller("report", item, good))

    def _promoting(self, server: ApiServer, item: Item) -> Iterator[Happening]:
        """What the Promotions' controller does."""
        alias, phase = _alias(server), status_of(item).get("phase")
        moved = [alias.get("promotionUid"), *(term["promotionUid"] for term in alias.get("history", ()))]
        if item.uid in moved:
            if phase != "Promoted":
                done = {**status_of(item), "phase": "Promoted"}
                yield Happening(f"{item.id} is Promoted", methodcaller("report", item, done))
        elif phase is None:
            asked = server.items.get(Id(MODEL_VERSIONS, item.data["spec"]["version"]))
            passed = promotion(
                item.id.name,
                item.data["spec"]["version"],
                candidate=asked.uid if asked is not None else "deleted",
                origin=alias.get("version"),
                origin_uid=alias.get("versionUid", ""),
            )["status"]
            rejected = {**passed, "phase": "Rejected", "conditions": []}
            yield Happening(f"{item.id} passes", methodcaller("report", item, passed))
            yield Happening(f"{item.id} is Rejected", methodcaller("report", item, rejected))

    def people(self, server: ApiServer) -> Iterator[Happening]:
        there = {item.id.name for item in server.all(MODEL_VERSIONS)}
        for name in VERSIONS:
            if name not in there:
                made = version(name, ready=False)
                yield Happening(f"{name} is trained", methodcaller("create", MODEL_VERSIONS, made))
            if name in there and Id(PROMOTIONS, f"to-{name}") not in server.items and not server.refused:
                asks = {**promotion(f"to-{name}", name), "status": {}}
                yield Happening(f"a person asks for {name}", methodcaller("create", PROMOTIONS, asks))
        for resource in (MODELS, PROMOTIONS, MODEL_VERSIONS):
            yield from deletions(server.all(resource), held=(False,))
        if Id(MODELS, NAME) not in server.items:
            yield Happening("a person makes the Model again", self.model)
        yield from edits(server, MODELS, NAME, {"aliases": []}, {"aliases": [{"name": "champion", "bootstrap": True}]})
        if not server.refused:
            yield Happening("a quota refuses Promotions", methodcaller("refuse", "Promotion"))

    def check(self, server: ApiServer) -> None:
        model = server.items.get(Id(MODELS, NAME))
        if model is not None:
            numbers = [entry["number"] for entry in status_of(model).get("versions", ())]
            assert len(set(numbers)) == len(numbers), f"two versions have one number: {numbers}"

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource != MODELS or write.before is None or write.after is None:
            return
        former, now = (
            {entry["uid"]: entry["number"] for entry in status_of(item).get("versions", ())}
            for item in (write.before, write.after)
        )
        assert all(now.get(uid, number) == number for uid, number in former.items()), f"{former} became {now}"
        new = [number for uid, number in now.items() if uid not in former]
        latest = status_of(write.before).get("latestVersion", 0)
        assert all(number > latest for number in new), f"a number was given twice: {new}, latest was {latest}"

    def check_rest(self, server: ApiServer) -> None:
        if Id(MODELS, NAME) in server.items:
            known = {entry["name"] for entry in status_of(server.items[Id(MODELS, NAME)]).get("versions", ())}
            assert known >= {item.id.name for item in server.all(MODEL_VERSIONS)}, f"{known} are known"


def _alias(server: ApiServer) -> Manifest:
    model = server.items.get(Id(MODELS, NAME))
    aliases = (status_of(model).get("aliases") if model is not None else None) or [{}]
    return dict(aliases[0])


def small() -> list[Registry]:
    """The worlds that are walked."""
    return [Registry()]
