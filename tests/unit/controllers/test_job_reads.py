# SPDX-License-Identifier: Apache-2.0
"""When a Job's pods are read, and for how long it waits."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.pending import GRACE
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.plan import EventsAbout, PodsOfJob
from tests.unit.controllers.builders import (
    NAMESPACE,
    NOW,
    job_ended,
    job_started,
    job_suspended,
    later,
    make,
    pod_of,
)

JOB = make(JOBS, "job", spec={})
TASK = make(JOBS, "job", spec={"backoffLimit": 2})
CONTROLLERS = all_controllers(Settings())
MANAGED = {"app.kubernetes.io/managed-by": "mlops-operator"}
SUSPENDED = job_suspended(make(JOBS, "job", spec={"suspend": True}))


def in_namespace(namespace: str, obj: Manifest) -> Manifest:
    """The object, somewhere else."""
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def pods_asked_for(job: Manifest, after: float) -> list[PodsOfJob]:
    """What a look at the Job asks for, beside one that waits, one that runs, and one that waits elsewhere."""
    others = (
        job_started(make(JOBS, "slow", spec={}, labels=MANAGED), at=NOW),
        job_started(make(JOBS, "runs", spec={}, labels=MANAGED), at=NOW, ready=1),
        in_namespace("elsewhere", job_started(make(JOBS, "away", spec={}, labels=MANAGED), at=NOW)),
    )
    world = Cache(CONTROLLERS)
    for other in others:
        world.observe(JOBS, other)
    asked = job_reads.reads(job, world, later(after))
    return [read for read in asked if isinstance(read, PodsOfJob)]


@pytest.mark.parametrize(
    ("job", "after", "needed"),
    [
        (job_ended(JOB, at=NOW), 0, True),
        (job_ended(JOB, at=NOW, succeeded=False), 0, True),
        (job_started(JOB, at=NOW), GRACE - 0.1, False),
        (job_started(JOB, at=NOW), GRACE, True),
        (job_started(JOB, at=NOW, ready=1), 3600, False),
        (job_started(TASK, at=NOW, ready=1, failed=1), 1, True),
        (job_started(JOB, at=NOW, ready=1, failed=1), 1, False),
        (SUSPENDED, 3600, False),
    ],
    ids=["succeeded", "failed", "just started", "late", "running", "a try failed", "a rank failed", "suspended"],
)
def test_pods_are_read_at_the_end_after_a_failed_try_and_where_a_start_is_late(
    job: Manifest, after: float, needed: bool
) -> None:
    assert job_reads.needs_pods(job, later(after)) is needed
    asked = pods_asked_for(job, after)
    assert [read.asks_for(pod_of(job)) for read in asked] == [True] * needed


def test_of_jobs_that_only_wait_many_are_read_with_one_request() -> None:
    (read,) = pods_asked_for(job_started(JOB, at=NOW), GRACE)
    assert read.alongside is not None
    assert list(read.alongside()) == ["slow"]


@pytest.mark.parametrize(
    "job",
    [job_ended(JOB, at=NOW), job_ended(JOB, at=NOW, succeeded=False), job_started(TASK, at=NOW, failed=1)],
    ids=["succeeded", "failed", "a try failed, the next one waits"],
)
def test_what_has_ended_is_read_as_it_is_now(job: Manifest) -> None:
    (read,) = pods_asked_for(job, GRACE)
    assert read.alongside is None


@pytest.mark.parametrize(("now", "seconds"), [(-60, GRACE), (-59, 0.0), (-1, 0.0), (0, 0.0), (7, 7.0)])
def test_by_a_clock_that_is_far_ahead_a_job_has_waited_for_a_while(now: float, seconds: float) -> None:
    assert job_reads.pending_seconds(job_started(JOB, at=NOW), later(now)) == seconds


def test_only_of_a_job_that_has_not_started_more_is_read_than_its_pods() -> None:
    refusals = EventsAbout(namespace=NAMESPACE, kind="Job", reason="FailedCreate")
    assert list(job_reads.pods_of(job_started(JOB, at=NOW)).then([])) == [refusals]
    assert list(job_reads.pods_of(job_started(JOB, at=NOW, ready=1)).then([])) == []
    assert list(job_reads.pods_of(job_ended(JOB, at=NOW)).then([])) == []


@pytest.mark.parametrize(
    "controller",
    [controller for controller in CONTROLLERS if JOBS in {watch.resource for watch in controller.watches}],
    ids=lambda controller: controller.resource.kind,
)
def test_every_controller_of_jobs_knows_which_of_them_wait(controller: Controller) -> None:
    assert Cache([controller]).keys(job_reads.PENDING_JOBS, NAMESPACE) == []
