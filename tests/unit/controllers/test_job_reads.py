"""When a Job's pods are read, and for how long it waits."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.pending import GRACE
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.plan import EventsAbout
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
SUSPENDED = job_suspended(make(JOBS, "job", spec={"suspend": True}))


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
    assert [read.asks_for(pod_of(job)) for read in job_reads.reads(job, later(after))] == [True] * needed  # type: ignore[union-attr]


@pytest.mark.parametrize(("now", "seconds"), [(-60, GRACE), (-59, 0.0), (-1, 0.0), (0, 0.0), (7, 7.0)])
def test_by_a_clock_that_is_far_ahead_a_job_has_waited_for_a_while(now: float, seconds: float) -> None:
    assert job_reads.pending_seconds(job_started(JOB, at=NOW), later(now)) == seconds


def test_only_of_a_job_that_has_not_started_more_is_read_than_its_pods() -> None:
    refusals = EventsAbout(namespace=NAMESPACE, kind="Job", reason="FailedCreate")
    assert list(job_reads.pods_of(job_started(JOB, at=NOW)).then([])) == [refusals]
    assert list(job_reads.pods_of(job_started(JOB, at=NOW, ready=1)).then([])) == []
    assert list(job_reads.pods_of(job_ended(JOB, at=NOW)).then([])) == []
