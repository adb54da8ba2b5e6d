"""Tasks: Jobs of the operator's own workload image, such as verify, evaluate, monitor and golden requests.

A task runs `python -m mlops_workload.<module>` once, with its configuration in the environment,
and reports by the result contract. Kubernetes retries its pod (`TASK_BACKOFF_LIMIT`); the
parent decides what a failed task means.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from mlops_contract import Result, ResultInvalidError
from mlops_contract import environment as env_names
from mlops_operator.api.common import JobSettings
from mlops_operator.api.meta import LABEL_GENERATION, Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import jobs, pending, pods
from mlops_operator.controllers.shared.naming import child_metadata, child_name
from mlops_operator.controllers.shared.pending import Reads

TASK_BACKOFF_LIMIT: Final = 2
TASK_DEADLINE_SECONDS: Final = 1800
"""Running time after which Kubernetes ends a task: half an hour, far beyond any healthy one."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of `parent`.

    Attributes:
        suffix: makes the Job's name and run UID unique among the parent's tasks.
        component: what the pods' component label says.
        module: module of `mlops_workload` that runs.
        env: configuration, beside the variables every run has.
        read: URIs whose claims are mounted read-only.
        annotations: what the Job is to remember, under names with this project's prefix.
        output: URI under which a report goes; its claim is mounted writable.
    """

    parent: Manifest
    suffix: str
    component: str
    module: str
    args: Sequence[str] = ()
    env: Mapping[str, Any]
    read: Sequence[str] = ()
    output: str | None = None
    job_settings: JobSettings = field(default_factory=JobSettings)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the Job."""
        return child_name(self.parent, self.suffix)

    @property
    def run_uid(self) -> str:
        """Identity that the task's result must carry."""
        return f"{self.parent['metadata']['uid']}-{self.suffix}"


def render_task(task: Task, settings: Settings) -> Manifest:
    """The Job of `task`. Values in its `env` that are not strings become JSON."""
    volumes, mounts = pods.claim_volumes(read=task.read, write=[task.output] if task.output else [])
    values = {
        env_names.RUN_UID: task.run_uid,
        env_names.RESULT_PATH: env_names.DEFAULT_RESULT_PATH,
        env_names.PVC_ROOT: env_names.DEFAULT_PVC_ROOT,
        **{key: value if isinstance(value, str) else compact_json(value) for key, value in task.env.items()},
    }
    if task.output:
        values[env_names.OUTPUT_URI] = task.output
    marks = {LABEL_GENERATION: str(task.parent["metadata"].get("generation", 1))}
    metadata = child_metadata(task.parent, task.name, component=task.component, labels=marks)
    if task.annotations:
        metadata["annotations"] = dict(task.annotations)
    container = pods.container(
        image=task.job_settings.image or settings.workload_image,
        command=["python3", "-m", f"mlops_workload.{task.module}"],
        args=[pods.literal(argument) for argument in task.args],
        env=pods.environment(values),
        mounts=mounts,
        resources=task.job_settings.resources,
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": TASK_BACKOFF_LIMIT,
            "activeDeadlineSeconds": TASK_DEADLINE_SECONDS,
            "template": {
                "metadata": {"labels": metadata["labels"]},
                "spec": pods.pod_spec(
                    containers=[container],
                    volumes=volumes,
                    node_selector=task.job_settings.node_selector,
                    restart_policy="Never",
                ),
            },
        },
    }


def compact_json(value: Any) -> str:
    """`value` as JSON, the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


_NOTHING_READ: Final[Reads] = MappingProxyType({})


class TaskPhase(StrEnum):
    """How far a task is."""

    ABSENT = "Absent"
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    RESULT_INVALID = "ResultInvalid"
    FAILED = "Failed"


@dataclass(frozen=True)
class TaskState:
    """A task as its parent's plan sees it.

    Attributes:
        reason: why it waits or failed; one of the documented reasons, or the workload's own
            (`ArtifactNotFound`, `ArtifactCorrupt`, ...).
        kept: whether something keeps it from running, reported in `reason` or not yet.
        result: there exactly when the phase is `SUCCEEDED`.
        next_look: seconds until it should be looked at again without an event, or None.
    """

    phase: TaskPhase
    reason: str = ""
    message: str = ""
    kept: bool = False
    result: Result | None = None
    next_look: float | None = None


def observe_task(
    task_uid: str,
    job: Manifest | None,
    job_pods: Sequence[Manifest] | None,
    now: datetime,
    reads: Reads = _NOTHING_READ,
) -> TaskState:
    """The state of a task from its Job and, where they were read, the Job's pods.

    Args:
        task_uid: the task's run UID.
        job: None where it is not there (yet).
        job_pods: None where they were not read.
        reads: what else was read to explain that the pods do not run; see `pending`.
    """
    if job is None:
        return TaskState(TaskPhase.ABSENT)
    phase = jobs.job_phase(job)
    if phase in (jobs.JobPhase.PENDING, jobs.JobPhase.SUSPENDED):
        found = pending.job_problem(job, job_pods, reads) if job_pods is not None else None
        problem = pending.reported(found, jobs.pending_seconds(job, now))
        return TaskState(
            TaskPhase.PENDING,
            problem.reason if problem else "",
            problem.message if problem else "",
            kept=found is not None,
            next_look=jobs.next_look(job, now),
        )
    if phase is jobs.JobPhase.RUNNING:
        return TaskState(TaskPhase.RUNNING)
    if phase is jobs.JobPhase.FAILED:
        reason, message = task_failure(job, job_pods or ())
        return TaskState(TaskPhase.FAILED, reason, message)
    result = jobs.reported(job_pods or (), uid=task_uid)
    if isinstance(result, ResultInvalidError):
        return TaskState(TaskPhase.RESULT_INVALID, "ResultInvalid", str(result))
    return TaskState(TaskPhase.SUCCEEDED, result=result)


def task_failure(job: Manifest, job_pods: Sequence[Manifest]) -> tuple[str, str]:
    """Reason and message of a failed task.

    The workload's commands leave `{"reason": ..., "message": ...}` in the termination message.
    """
    ended = jobs.termination(job_pods)
    reported = jobs.reported_failure(ended.message) if ended is not None else None
    return reported or jobs.failure_of(job, job_pods)[:2]
