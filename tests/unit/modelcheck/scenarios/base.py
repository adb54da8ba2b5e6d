# SPDX-License-Identifier: Apache-2.0
"""What every scenario has: Jobs that run, a garbage collector, and nothing particular."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from operator import methodcaller
from typing import Any

from mlops_contract.environment import RUN_UID
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.jobs import JobPhase, job_phase, ranks
from mlops_operator.kube.resources import JOBS, Resource
from tests.unit.controllers.builders import (
    failed_pod,
    job_ended,
    job_started,
    job_suspended,
    later,
    make,
    pod_of,
    succeeded_pod,
)
from tests.unit.modelcheck.apiserver import ApiServer
from tests.unit.modelcheck.items import Item
from tests.unit.modelcheck.state import Happening, Scenario


class Base(Scenario):
    """A scenario in which nothing happens but what Jobs and the garbage collector do.

    Attributes:
        failing: whether Jobs may fail.
    """

    failing: bool = True

    # -- the cluster -----------------------------------------------------------------------

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        for item in server.items.values():
            if item.going:
                yield Happening(f"{item.id} is gone", methodcaller("release", item))
        for item in server.orphans():
            if not item.going:
                yield Happening(f"{item.id} is collected", methodcaller("release", item))
        for job in server.all(JOBS):
            if not job.going:
                yield from self.job(job)

    def job(self, job: Item) -> Iterator[Happening]:
        """What the Job controller may do about a Job."""
        data = job.data
        phase, suspended = job_phase(data), bool(data["spec"].get("suspend"))
        said = any(entry["type"] == "Suspended" for entry in (data.get("status") or {}).get("conditions") or ())
        if phase in (JobPhase.SUCCEEDED, JobPhase.FAILED):
            return
        if suspended:
            if not said:
                yield Happening(f"{job.id} stops", methodcaller("report", job, job_suspended(data)["status"]))
        elif said or not (data.get("status") or {}).get("startTime"):
            yield Happening(
                f"{job.id} starts",
                lambda server: server.report(job, job_started(data, at=later(server.now), ready=ranks(data))["status"]),
            )
        else:
            for good in (True, False) if self.failing else (True,):
                yield Happening(
                    f"{job.id} {'succeeds' if good else 'fails'}",
                    partial(_ends, job, good),
                )

    def pods(self, server: ApiServer, job: str) -> Sequence[Manifest]:
        found = server.get(JOBS, job)
        if found is None:
            return ()
        indexes = range(ranks(found)) if ranks(found) > 1 else (None,)
        match job_phase(found):
            case JobPhase.SUCCEEDED:
                return [succeeded_pod(found, "" if index else self.message(found), index=index) for index in indexes]
            case JobPhase.FAILED:
                return [failed_pod(found, self.error(found), index=index) for index in indexes]
            case _:
                begun = bool((found.get("status") or {}).get("startTime"))
                running: Manifest = {"running": {}}
                return [pod_of(found, phase="Running", index=index, main=running) for index in indexes if begun]

    def message(self, job: Manifest) -> str:
        """What the pod of a Job that ended well reports."""
        return ""

    def error(self, job: Manifest) -> str:
        """What the pod of a Job that failed leaves."""
        return "bang"


def _ends(job: Item, good: bool, server: ApiServer) -> None:
    server.report(job, job_ended(job.data, at=later(server.now), succeeded=good)["status"])


def create(server: ApiServer, resource: Resource, name: str, spec: Manifest, **rest: Any) -> Item:
    """A person, or a controller that is not at work here, makes an object."""
    status = rest.pop("status", None)
    item = server.create(resource, make(resource, name, spec=spec, **rest))
    return server.report(item, status) if status is not None else item


def edits(server: ApiServer, resource: Resource, name: str, *specs: Manifest) -> Iterator[Happening]:
    """A person merges one of these into the spec."""
    found = server.get(resource, name)
    if found is None:
        return
    for spec in specs:
        if any(found["spec"].get(field) != value for field, value in spec.items()):
            words = ", ".join(f"{field}={value}" for field, value in spec.items())
            yield Happening(
                f"a person sets {words} on {resource.kind} {name}",
                methodcaller("update", resource, name, {"spec": spec}),
            )


def deletions(items: Iterable[Item], *, held: Sequence[bool] = (False, True)) -> Iterator[Happening]:
    """A person deletes an object, in the background or (`held`) in the foreground."""
    for item in items:
        for foreground in held if not item.going else ():
            how = " in the foreground" if foreground else ""
            yield Happening(
                f"a person deletes {item.id}{how}",
                methodcaller("delete", item.id.resource, item.id.name, held=foreground),
            )


def status_of(item: Item) -> Manifest:
    """The status of an object; empty where it has none."""
    status: Manifest = item.data.get("status") or {}
    return status


def run_uid(job: Manifest) -> str:
    """The identity that a Job's result must carry."""
    (container,) = (entry for entry in job["spec"]["template"]["spec"]["containers"] if entry["name"] == "main")
    return next(str(entry["value"]) for entry in container["env"] if entry["name"] == RUN_UID)


def at_most_one_job(server: ApiServer) -> None:
    """Raise AssertionError where an object has two Jobs under way."""
    live = Counter(job.owner for job in server.all(JOBS) if not job.going and not ended(job.data))
    assert max(live.values(), default=0) <= 1, f"two Jobs of one object are under way: {live}"


def ended(job: Manifest) -> bool:
    """Whether a Job has come to its end."""
    return job_phase(job) in (JobPhase.SUCCEEDED, JobPhase.FAILED)


def appended(before: Sequence[Manifest], after: Sequence[Manifest], what: str) -> None:
    """Raise AssertionError unless `after` is `before` with more at its end, and less, if anything, at its beginning."""
    for drop in range(len(before) + 1):
        kept = before[drop:]
        if list(after[: len(kept)]) == list(kept):
            assert drop == 0 or len(after) >= len(before), f"{what} was cut: {before} became {after}"
            return
    raise AssertionError(f"{what} was rewritten: {before} became {after}")
