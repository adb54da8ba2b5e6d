# SPDX-License-Identifier: Apache-2.0
"""At most one live child for each thing that a child is for: an attempt, a revision, a result."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.names import LABEL_REVISION
from mlops_operator.controllers.shared.jobs import JobPhase, job_phase
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    TRAINING_JOBS,
    Resource,
)
from tests.faults.history import History
from tests.faults.invariants.steps import is_ending, label, parent_resource, parent_uid, steps

_ONE_AT_A_TIME: Final = (TRAINING_JOBS, MODEL_VERSIONS, EVALUATIONS)
"""Kinds whose object has at most one Job that has not ended: two would write beside each other."""


def check(history: History) -> Iterator[str]:
    """Every purpose that has two live children at once."""
    live: defaultdict[str, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    held: dict[str, set[str]] = {}
    for step in steps(history, JOBS, DEPLOYMENTS, MODEL_VERSIONS):
        purposes = set() if step.after is None else _purposes(step.change.resource, step.after)
        for purpose in held.get(step.uid, set()) - purposes:
            live[purpose].discard(step.uid)
        names[step.uid] = step.object["metadata"]["name"]
        for purpose in sorted(purposes - held.get(step.uid, set())):
            live[purpose].add(step.uid)
            if len(live[purpose]) > 1:
                found = ", ".join(sorted(f"{names[uid]} ({uid})" for uid in live[purpose]))
                yield f"{step}: expected at most one {purpose}, found {found}"
        held[step.uid] = purposes


def _purposes(resource: Resource, obj: Manifest) -> set[str]:
    """What a live child is the only one for."""
    if is_ending(obj):
        return set()
    uid = parent_uid(obj)
    if resource == MODEL_VERSIONS:
        trained_by = ((obj["spec"].get("lineage") or {}).get("trainingJob") or {}).get("uid")
        return {f"ModelVersion of the TrainingJob {trained_by}"} if trained_by else set()
    if resource == DEPLOYMENTS:
        revision = label(obj, LABEL_REVISION)
        ours = parent_resource(obj) == MODEL_DEPLOYMENTS
        return {f"Deployment of revision {revision} of {uid}"} if ours else set()
    return set(_of_job(obj, uid))


def _of_job(job: Manifest, uid: str) -> Iterator[str]:
    parent = parent_resource(job)
    attempt = label(job, LABEL_ATTEMPT)
    if attempt is not None:
        yield f"Job of attempt {attempt} of {uid}"
    if parent in _ONE_AT_A_TIME and job_phase(job) not in (JobPhase.SUCCEEDED, JobPhase.FAILED):
        yield f"unfinished Job of the {parent.kind} {uid}"
