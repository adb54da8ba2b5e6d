# SPDX-License-Identifier: Apache-2.0
"""Tasks: Jobs of the operator's own workload image, such as verify, evaluate, monitor and golden requests.

A task runs one or more steps, each `python -m mlops_workload.<module>` in a container of its own, one after
the other. The last one reports by the result contract. Kubernetes retries its pod (`TASK_BACKOFF_LIMIT`); the
parent decides what a failed task means, and runs one again whose result was lost. What is told of that: `tries.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from mlops_contract import environment as env_names
from mlops_contract.models.result import Result
from mlops_operator.api.common import PodOptions, Resources
from mlops_operator.api.meta import LABEL_GENERATION, Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import (
    failure_rules,
    job_reads,
    jobs,
    lost_nodes,
    pending,
    pod_options,
    pods,
    sidecars,
    task_disruptions,
    tries,
)
from mlops_operator.controllers.shared.children import ChildNames, child_names
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import child_metadata
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.runtime.work.plan import Action

TASK_BACKOFF_LIMIT: Final = 2
TASK_DEADLINE_SECONDS: Final = 1800
"""Running time after which Kubernetes ends a task: half an hour, far beyond any healthy one."""

DATA_NOT_FOUND: Final = "DataNotFound"
"""Reason of `mlops_workload` where nothing is at the place of data."""

NOT_FOUND_EXIT_CODE: Final = 3
"""Exit code of `mlops_workload` where nothing is at the place of data or of an artifact: another pod may find it."""

LINGER: Final = 3
"""Seconds for which a pod that is told to go stays as it is. The Job counts it within about a second, and its parent
reads then why; without this, a program that ends at once takes the reason along."""

FOREIGN_TMP_LIMIT: Final = "1Gi"
"""Size of `/tmp` for a step that runs foreign code."""

_SKIPPED_CONTAINERS: Final[Mapping[str, str]] = MappingProxyType(
    {"eks.amazonaws.com/skip-containers": ",", "azure.workload.identity/skip-containers": ";"}
)
"""Annotations that list the containers without credentials of a workload identity, with what separates the names."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A scratch folder (`emptyDir`) of a task as one step sees it.

    Attributes:
        name: names the folder within the task; steps that name the same one share it.
        path: where the step sees it.
        writable: whether the step may write to it.
        limit: size beyond which the kubelet evicts the pod.
    """

    name: str
    path: str
    writable: bool = False
    limit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One container of a task. It sees nothing but its own `/tmp` and what it names here.

    Attributes:
        name: names the container; that of a task's last step is `main`.
        module: module of `mlops_workload` that runs.
        env: configuration; values that are not strings become JSON.
        claims: URIs whose claims are mounted as a whole, read-only. Only for steps that do nothing but copy or
            check: the kubelet makes a missing `subPath` as an empty folder and follows links, so what finds
            out whether a location is there cannot have it mounted.
        read: URIs that are mounted read-only, each location by itself. Precede it by a step that checks them.
        write: URI of a folder that is mounted writable, made where it is missing.
        folders: scratch folders.
        foreign: whether it runs code that is not the project's, such as a model's. It gets no variable of the
            run, and its termination message is never read.
    """

    module: str
    name: str = pods.MAIN
    args: Sequence[str] = ()
    env: Mapping[str, Any] = field(default_factory=dict)
    claims: Sequence[str] = ()
    read: Sequence[str] = ()
    write: str | None = None
    folders: Sequence[Folder] = ()
    foreign: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of `parent`.

    Attributes:
        suffix: makes the run UID and the Job's name unique among the parent's tasks.
        component: what the pods' component label says.
        steps: the containers, one after the other; the last one reports the result.
        words: what the Job's name has of the suffix, where that cannot be read; else the suffix itself.
        final_exit_codes: exit codes after which no other pod is made, beside the permanent ones (`failure_rules`).
        image: an image with `mlops_workload` in it; that of the settings by default.
        options: what the parent sets of its task pods.
        annotations: what the Job is to remember, under names with this project's prefix.
        retries_connections: whether a pod that cannot connect uses up no try, so that the task goes on when the network
            is open again. Not for a task that its parent runs again, or that finds out whether servers can be reached.
    """

    parent: Manifest
    suffix: str
    component: str
    steps: Sequence[Step]
    words: str | None = None
    final_exit_codes: Sequence[int] = ()
    image: str | None = None
    options: PodOptions = field(default_factory=PodOptions)
    annotations: Mapping[str, str] = field(default_factory=dict)
    retries_connections: bool = False

    @property
    def names(self) -> ChildNames:
        """Names of the Job."""
        return task_names(self.parent, self.suffix, words=self.words)

    @property
    def name(self) -> str:
        """Name that the Job is created with."""
        return self.names.name

    @property
    def run_uid(self) -> str:
        """Identity that the task's result must carry."""
        return f"{self.parent['metadata']['uid']}-{self.suffix}"


def task_names(parent: Manifest, suffix: str, *, words: str | None = None) -> ChildNames:
    """Names of the Job of a task; for the arguments see `Task`."""
    if words is None:
        return child_names(parent, suffix)
    return child_names(parent, words, folded=(suffix,), former=(suffix,))


def render_task(task: Task, settings: Settings) -> Manifest:
    """The Job of `task`."""
    options = pod_options.merged(_defaults(task, settings), task.options)
    marks = {LABEL_GENERATION: str(task.parent["metadata"].get("generation", 1))}
    metadata = child_metadata(task.parent, task.name, component=task.component, labels=marks)
    annotations = dict(task.annotations)
    if task.retries_connections:
        annotations[task_disruptions.ANNOTATION_CONNECTIONS] = task_disruptions.RETRIED
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": TASK_BACKOFF_LIMIT,
            "activeDeadlineSeconds": TASK_DEADLINE_SECONDS,
            "podFailurePolicy": {"rules": _failure_rules(task)},
            "template": {
                "metadata": _template_metadata(task, options, metadata["labels"]),
                "spec": pods.pod_spec(
                    containers=[_main(task, settings, options)],
                    init_containers=[_container(task, step, settings, options) for step in task.steps[:-1]],
                    security_context=pod_options.security_context(settings.pod_security_context, options),
                    volumes=_volumes(task),
                    options=options,
                    restart_policy="Never",
                ),
            },
        },
    }


def _defaults(task: Task, settings: Settings) -> PodOptions:
    """The installation's options for the task.

    Its service account is for the installation's own image: who names another image would run it with that identity.
    """
    if task.image is None:
        return settings.task_pods
    return settings.task_pods.replace(service_account_name=None)


def _template_metadata(task: Task, options: PodOptions, labels: Mapping[str, str]) -> Manifest:
    """Labels and annotations of the pods: the operator's own cannot be overridden.

    Identity webhooks give the account's credentials to every container that they are not told to skip, and foreign
    code must not have them.
    """
    annotations = dict(options.annotations or {})
    if foreign := [step.name for step in task.steps if step.foreign]:
        annotations[jobs.ANNOTATION_FOREIGN] = ",".join(foreign)
        if options.service_account_name is not None:
            annotations |= {name: separator.join(foreign) for name, separator in _SKIPPED_CONTAINERS.items()}
    metadata: Manifest = {"labels": {**(options.labels or {}), **labels}}
    return {**metadata, "annotations": annotations} if annotations else metadata


def _failure_rules(task: Task) -> list[Manifest]:
    own = [step.name for step in task.steps if not step.foreign]
    return failure_rules.rules(final=task.final_exit_codes, connecting=own if task.retries_connections else ())


def _main(task: Task, settings: Settings, options: PodOptions) -> Manifest:
    """The container of the last step."""
    main = _container(task, task.steps[-1], settings, options)
    return {**main, "lifecycle": {"preStop": {"sleep": {"seconds": LINGER}}}}


def _container(task: Task, step: Step, settings: Settings, options: PodOptions) -> Manifest:
    return step_container(
        step,
        image=task.image or settings.workload_image,
        variables=_variables(task, step),
        resources=options.resources,
        tmp=_tmp(step),
    )


def step_container(
    step: Step, *, image: str, variables: Mapping[str, str], resources: Resources | None = None, tmp: str = pods.TMP
) -> Manifest:
    """The container of a step. `tmp` names the volume of its `/tmp`."""
    mounts = [
        *pods.claim_mounts(step.claims),
        *pods.location_mounts(read=step.read, write=[step.write] if step.write else []),
        *(_mount(folder) for folder in step.folders),
    ]
    if step.foreign:
        # The containers of a pod share one /dev/shm, which would be a way from one to the next.
        mounts.append({"name": tmp, "mountPath": "/dev/shm"})
    return pods.container(
        image=image,
        name=step.name,
        command=["python3", "-m", f"mlops_workload.{step.module}"],
        args=[pods.literal(argument) for argument in step.args],
        env=pods.environment(variables),
        mounts=mounts,
        resources=resources,
        tmp=tmp,
        heard_by_log=not step.foreign,
    )


def _tmp(step: Step) -> str:
    """The volume of the step's `/tmp`: no step finds what another one left there."""
    return pods.TMP if step.name == pods.MAIN else f"{pods.TMP}-{step.name}"


def _variables(task: Task, step: Step) -> dict[str, str]:
    values = {key: value if isinstance(value, str) else compact_json(value) for key, value in step.env.items()}
    if step.foreign:
        return values
    values[env_names.PVC_ROOT] = env_names.DEFAULT_PVC_ROOT
    if step.name == pods.MAIN:
        values |= {env_names.RUN_UID: task.run_uid, env_names.RESULT_PATH: env_names.DEFAULT_RESULT_PATH}
    if step.write:
        values[env_names.OUTPUT_URI] = step.write
    return values


def _mount(folder: Folder) -> Manifest:
    mount: Manifest = {"name": folder.name, "mountPath": folder.path}
    if not folder.writable:
        mount["readOnly"] = True
    return mount


def _volumes(task: Task) -> list[Manifest]:
    located: list[str] = []
    limits: dict[str, str | None] = {}
    for step in task.steps:
        located += [*step.claims, *step.read, *([step.write] if step.write else [])]
        if step.name != pods.MAIN:
            limits[_tmp(step)] = FOREIGN_TMP_LIMIT if step.foreign else None
        for folder in step.folders:
            limits[folder.name] = folder.limit or limits.get(folder.name)
    scratch = [
        {"name": name, "emptyDir": {"sizeLimit": limit} if limit else {}} for name, limit in sorted(limits.items())
    ]
    return [*pods.claim_volumes(located), *scratch]


_IF_LOST: Final = (
    "the task goes on if the node comes back, and runs again, which uses up no try, when the cluster has removed the"
    " pod"
)

_NOTHING_READ: Final[Reads] = MappingProxyType({})


class TaskPhase(StrEnum):
    """How far a task is."""

    ABSENT = "Absent"
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    RESULT_INVALID = "ResultInvalid"
    RESULT_LOST = "ResultLost"
    """Ended well, but its pod was gone before its result was read: the parent runs it again (`tries.run_again`)."""
    FAILED = "Failed"


@dataclass(frozen=True)
class TaskState:
    """A task as its parent's plan sees it.

    Attributes:
        reason: why it waits, runs again or failed; one of the documented reasons, or the workload's own
            (`ArtifactNotFound`, `ArtifactCorrupt`, ...).
        kept: whether something keeps it from running or from its end, reported in `reason` or not yet.
        result: there exactly when the phase is `SUCCEEDED`.
        next_look: seconds until it should be looked at again without an event, or None.
        keeping: what lets the Job keep what its pods tell now; the parent's plan carries it out.
        unconnected: whether its last pod that used up no try could not connect.
    """

    phase: TaskPhase
    reason: str = ""
    message: str = ""
    kept: bool = False
    result: Result | None = None
    next_look: float | None = None
    keeping: tuple[Action, ...] = ()
    unconnected: bool = False


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
    if phase is jobs.JobPhase.SUCCEEDED:
        return _ended_well(task_uid, job, job_pods or ())
    taken = task_disruptions.observed(job, job_pods or ())
    unconnected = taken is not None and taken.unconnected
    if phase is jobs.JobPhase.FAILED:
        reason, message = tries.failure(job, job_pods or ())
        return TaskState(TaskPhase.FAILED, reason, message, unconnected=unconnected)
    told = tries.told(job, job_pods)
    again = tries.RETRYING if told else ""
    keeping = task_disruptions.keep(job, taken)
    if phase is jobs.JobPhase.RUNNING:
        return TaskState(TaskPhase.RUNNING, again, told, keeping=keeping, unconnected=unconnected)
    found = sidecars.of_task(job_pods or (), now) or pending.job_problem(job, job_pods, reads)
    lost = lost_nodes.lost(job_pods or (), now, follows=_IF_LOST)
    problem = lost or pending.reported(found, tries.waited(job, job_pods, now))
    return TaskState(
        TaskPhase.PENDING,
        problem.reason if problem else again,
        "; ".join(filter(None, (problem.message if problem else "", told))),
        kept=found is not None,
        next_look=job_reads.next_look(job, now),
        keeping=keeping,
        unconnected=unconnected,
    )


def _ended_well(task_uid: str, job: Manifest, job_pods: Sequence[Manifest]) -> TaskState:
    """A Job that ended well has a result, or one that does not count, or none that can be read any more."""
    result = jobs.reported(job_pods, uid=task_uid)
    if isinstance(result, Result):
        return TaskState(TaskPhase.SUCCEEDED, result=result)
    if not tries.result_lost(job_pods):
        return TaskState(TaskPhase.RESULT_INVALID, "ResultInvalid", str(result))
    message = tries.lost_message(job)
    if tries.lost_results(job) < tries.MAX_LOST:
        return TaskState(TaskPhase.RESULT_LOST, tries.RETRYING, message)
    return TaskState(TaskPhase.RESULT_INVALID, "ResultInvalid", message)
