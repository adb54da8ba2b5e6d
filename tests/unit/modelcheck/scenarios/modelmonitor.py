# SPDX-License-Identifier: Apache-2.0
"""A ModelMonitor over its first windows."""

from collections.abc import Iterator
from operator import methodcaller

from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modelmonitor.controller import ModelMonitorController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_MONITORS
from tests.unit.controllers.modelmonitor.scene import NAME, deployment, monitor
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id
from tests.unit.modelcheck.scenarios.base import (
    Base,
    appended,
    at_most_one_job,
    deletions,
    edits,
    ended,
    run_uid,
    status_of,
)
from tests.unit.modelcheck.state import Happening


class Watching(Base):
    """One ModelMonitor of a ModelDeployment that may come to serve another version, or go."""

    name = "modelmonitor"
    waits = (60,)
    horizon = 80
    patience = 200

    def __init__(self) -> None:
        self.controllers = (ModelMonitorController(Settings()),)

    def begin(self, server: ApiServer) -> None:
        server.create(MODEL_DEPLOYMENTS, deployment())
        server.create(MODEL_MONITORS, monitor())

    def people(self, server: ApiServer) -> Iterator[Happening]:
        yield from deletions(server.all(JOBS))
        yield from deletions(server.all(MODEL_MONITORS), held=(False,))
        yield from deletions(server.all(MODEL_DEPLOYMENTS), held=(False,))
        for resource, made in ((MODEL_MONITORS, monitor()), (MODEL_DEPLOYMENTS, deployment())):
            id = Id(resource, made["metadata"]["name"])
            if id not in server.items:
                yield Happening(f"a person makes {id} again", methodcaller("create", id.resource, made))
        for item in server.all(MODEL_DEPLOYMENTS):
            status = deployment("digits-b")["status"]
            if status_of(item) != status:
                yield Happening("another version is served", methodcaller("report", item, status))
        yield from edits(server, MODEL_MONITORS, NAME, {"window": {"size": "120s"}}, {"window": {"size": "60s"}})
        if not server.refused:
            yield Happening("a quota refuses Jobs", methodcaller("refuse", "Job"))

    def message(self, job: Manifest) -> str:
        return Result(uid=run_uid(job), metrics={"accuracy": 0.97}, counts={"rows": 200, "labeled": 200}).to_message()

    def check(self, server: ApiServer) -> None:
        at_most_one_job(server)

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        if write.id.resource == MODEL_MONITORS and write.before is not None and write.after is not None:
            former, now = (status_of(item).get("windows", []) for item in (write.before, write.after))
            appended(former, now, "the windows")
            ends = [window["end"] for window in now]
            assert ends == sorted(set(ends)), f"windows are not in order: {ends}"

    def check_rest(self, server: ApiServer) -> None:
        assert all(ended(job.data) for job in server.all(JOBS)), "a window is still being measured"
        for item in server.all(MODEL_MONITORS):
            assert "measuring" not in status_of(item), f"{item} says that it is measuring"


def small() -> list[Watching]:
    """The worlds that are walked."""
    return [Watching()]
