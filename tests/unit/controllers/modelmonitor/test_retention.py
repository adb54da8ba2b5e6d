# SPDX-License-Identifier: Apache-2.0
"""Which Jobs are kept."""

from mlops_operator.api.modelmonitor import WindowStatus
from mlops_operator.controllers.modelmonitor.policies.retention import KEPT_JOBS, surplus_jobs

TIME = "2026-01-01T12:00:00Z"


def window(job: str) -> WindowStatus:
    return WindowStatus(start=TIME, end=TIME, version="v", job=job)


def test_the_last_jobs_and_the_running_one_stay() -> None:
    names = [f"job-{i}" for i in range(6)]
    windows = [window(name) for name in names[:5]]
    assert surplus_jobs(names, windows=windows, measuring=window("job-5")) == {"job-0", "job-1"}
    assert len(names) - 2 == KEPT_JOBS + 1


def test_a_job_that_no_window_knows_goes() -> None:
    assert surplus_jobs(["lost"], windows=[], measuring=None) == {"lost"}
