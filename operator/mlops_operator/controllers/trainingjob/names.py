# SPDX-License-Identifier: Apache-2.0
"""Names and marks of a TrainingJob's children, and the identity of an attempt."""

from typing import Final

from mlops_operator.api.meta import PREFIX, Manifest
from mlops_operator.controllers.shared.children import ChildNames, child_names
from mlops_operator.controllers.shared.naming import MAX_LABEL

COMPONENT: Final = "training"

LABEL_ATTEMPT: Final = PREFIX + "attempt"
ANNOTATION_DECLARED: Final = PREFIX + "declared-inputs"
"""On a Job: digest of what the spec says about the inputs of the attempt; see `inputs.py`."""
ANNOTATION_SPEC: Final = PREFIX + "spec-digest"
"""On the Job: digest of the part of the spec that the attempt was created from; see `spec_digest.py`."""
ANNOTATION_OUTPUT: Final = PREFIX + "output"
"""On a Job: the attempt's folder in the artifact store."""
ANNOTATION_RESTORED_FROM: Final = PREFIX + "restored-from"
"""On a TrainingJob from a backup: name of the ModelVersion that it made. It does not start before that one exists."""

WAIT: Final = "wait-for-coordinator"
"""Name of the container that waits until all replicas are there and replica 0 is found by its name."""

_INDEX_ROOM: Final = 5
"""Room that a Job's name leaves for `-<index>`, since both together are a pod's host name."""


def job_names(obj: Manifest, attempt: int) -> ChildNames:
    """Names of the Job of that attempt."""
    return child_names(obj, str(attempt), max_length=MAX_LABEL - _INDEX_ROOM)


def job_name(obj: Manifest, attempt: int) -> str:
    """Name that the Job of that attempt is created with."""
    return job_names(obj, attempt).name


def service_names(obj: Manifest) -> ChildNames:
    """Names of the headless Service that gives the replicas their names."""
    return child_names(obj)


def service_name(obj: Manifest) -> str:
    """Name of the headless Service of Jobs that are created now."""
    return service_names(obj).name


def service_name_of(obj: Manifest, job: Manifest | None, attempt: int) -> str:
    """Name of the headless Service that the pods of `job`, the Job of that attempt, are found by."""
    has_former = job is not None and job["metadata"]["name"] == job_names(obj, attempt).former
    names = service_names(obj)
    return names.former if has_former else names.name


def run_uid(obj: Manifest, attempt: int) -> str:
    """The identity that the attempt's result must carry."""
    return f"{obj['metadata']['uid']}-{attempt}"
