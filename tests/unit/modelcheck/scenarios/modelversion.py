# SPDX-License-Identifier: Apache-2.0
"""A ModelVersion whose artifact is checked."""

import json
from collections.abc import Iterator
from operator import methodcaller

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS
from tests.unit.controllers.modelversion.driver import DIGEST, MODEL, NAME, URI
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id
from tests.unit.modelcheck.scenarios.base import Base, at_most_one_job, create, deletions, run_uid, status_of
from tests.unit.modelcheck.state import Happening

SPEC: Manifest = {"model": MODEL, "artifact": {"uri": URI, "digest": DIGEST, "format": "sklearn"}}


class Checking(Base):
    """One ModelVersion and its Model; the artifact may be missing for a while."""

    name = "modelversion"
    waits = (400,)

    def __init__(self) -> None:
        self.controllers = (ModelVersionController(Settings(workload_image="example/workload:1")),)

    def begin(self, server: ApiServer) -> None:
        self.model(server)
        self.register(server)

    def model(self, server: ApiServer) -> None:
        """A person makes the Model."""
        create(server, MODELS, MODEL, {"aliases": [{"name": "champion"}]}, status={"observedGeneration": -1})

    def register(self, server: ApiServer) -> None:
        """A person makes the ModelVersion."""
        create(server, MODEL_VERSIONS, NAME, SPEC, status={"observedGeneration": -1})

    def people(self, server: ApiServer) -> Iterator[Happening]:
        yield from deletions(server.all(JOBS))
        yield from deletions(server.all(MODEL_VERSIONS), held=(False,))
        yield from deletions(server.all(MODELS), held=(False,))
        for id, again in ((Id(MODELS, MODEL), self.model), (Id(MODEL_VERSIONS, NAME), self.register)):
            if id not in server.items:
                yield Happening(f"a person makes {id} again", again)
        model = server.items.get(Id(MODELS, MODEL))
        if model is not None and not status_of(model).get("aliases"):
            yield Happening("the alias points at it", methodcaller("report", model, POINTING))
        if not server.refused:
            yield Happening("a quota refuses Jobs", methodcaller("refuse", "Job"))

    def message(self, job: Manifest) -> str:
        artifact = {"name": "artifact", "uri": URI, "digest": DIGEST, "size": 7}
        return json.dumps({"v": 1, "uid": run_uid(job), "artifacts": [artifact]})

    def error(self, job: Manifest) -> str:
        return json.dumps({"reason": "ArtifactNotFound", "message": "not yet"})

    def check(self, server: ApiServer) -> None:
        at_most_one_job(server)

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource == MODEL_VERSIONS and write.before is not None and write.after is not None:
            former, now = status_of(write.before), status_of(write.after)
            for field in ("verifiedAt", "attempts"):
                assert now.get(field) or not former.get(field), f"{field} was {former.get(field)} and is gone"

    def check_rest(self, server: ApiServer) -> None:
        for item in server.all(MODEL_VERSIONS):
            status = status_of(item)
            assert status.get("verifiedAt"), f"{item} rests unverified: {status}"


POINTING: Manifest = {
    "observedGeneration": 1,
    "aliases": [
        {
            "name": "champion",
            "version": NAME,
            "versionUid": f"uid-1-of-modelversion-{NAME}",
            "digest": DIGEST,
            "promotion": "p",
            "promotionUid": "u",
            "since": "2026-01-01T00:00:00Z",
        }
    ],
}


def small() -> list[Checking]:
    """The worlds that are walked."""
    return [Checking()]
