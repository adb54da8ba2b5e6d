# SPDX-License-Identifier: Apache-2.0
"""Reasons that several kinds share, each with its one description.

A kind's enumeration aliases them (`FORBIDDEN = reasons.FORBIDDEN`), so that a word means the same everywhere. The CRDs
and the reference show the description; words under the alias are added to it.
"""

from typing import Final

FORBIDDEN: Final = "Forbidden"
"""`Forbidden` is set when a quota, an admission policy or missing rights refuse a child object. It is tried again every
minute."""

NAME_TAKEN: Final = "NameTaken"
"""`NameTaken` is set when an object with the name of a child exists and is not that child: delete or rename it. It is
tried again every minute."""

REFUSED: Final = "Refused"
"""`Refused` is set when the API server refuses a request about a child object for another reason than the others here.
The message has the server's words."""

TOO_LARGE: Final = "TooLarge"
"""`TooLarge` is set when a child object, or a field of it, is larger than the API server or its store takes."""

INVALID_SPEC: Final = "InvalidSpec"
"""`InvalidSpec` is set when the spec contradicts itself, or was stored under an older schema and does not fit the
present one."""

INVALID_POD_TEMPLATE: Final = "InvalidPodTemplate"
"""`InvalidPodTemplate` is set when the API server refuses a child object as invalid, for example because of a pod
template. The message has the server's words."""

MODEL_NOT_FOUND: Final = "ModelNotFound"
"""`ModelNotFound` is set when the Model does not exist."""

ALIAS_NOT_FOUND: Final = "AliasNotFound"
"""`AliasNotFound` is set when the Model does not declare the alias."""

MODEL_VERSION_NOT_FOUND: Final = "ModelVersionNotFound"
"""`ModelVersionNotFound` is set when a ModelVersion does not exist."""

MODEL_VERSION_NOT_READY: Final = "ModelVersionNotReady"
"""`ModelVersionNotReady` is set when a ModelVersion is not `Ready`, for example because it is being verified."""

MODEL_MISMATCH: Final = "ModelMismatch"
"""`ModelMismatch` is set when the ModelVersion belongs to another Model."""

OWNER_NOT_FOUND: Final = "OwnerNotFound"
"""`OwnerNotFound` is set while the Model or RetrainPolicy that controls the object does not exist, as after a restore:
the garbage collector deletes it."""

RESTORE_PENDING: Final = "RestorePending"
"""`RestorePending` is set while an alias of the Model is to be restored from a backup."""

ALIAS_UNSET: Final = "AliasUnset"
"""`AliasUnset` is set while an alias points at no version. That is no fault."""

RUNNING: Final = "Running"
"""`Running` is set while a Job runs for the object."""

SUSPENDED: Final = "Suspended"
"""`Suspended` is set while `spec.suspend` is true."""

RETRYING: Final = "Retrying"
"""`Retrying` is set when a Job runs again: a try failed, its pod was taken away, or its result was lost."""

JOB_FAILED: Final = "JobFailed"
"""`JobFailed` is set when a Job failed for a cause that has no other reason here."""

RESULT_INVALID: Final = "ResultInvalid"
"""`ResultInvalid` is set when a Job succeeded without a valid result."""

DATA_NOT_FOUND: Final = "DataNotFound"
"""`DataNotFound` is set while data do not exist. They are looked for again for a limited time."""

CONFIGURATION_INVALID: Final = "ConfigurationInvalid"
"""`ConfigurationInvalid` is set when a run reports that its configuration is wrong. It is not retried."""

ARTIFACT_NOT_FOUND: Final = "ArtifactNotFound"
"""`ArtifactNotFound` is set when the artifact does not exist at its URI."""

ARTIFACT_CORRUPT: Final = "ArtifactCorrupt"
"""`ArtifactCorrupt` is set when the artifact does not have its digest."""

ARTIFACT_REMOVED: Final = "ArtifactRemoved"
"""`ArtifactRemoved` is set when `spec.retention` of the Model has removed the artifact, or is removing it."""

GATE_FAILED: Final = "GateFailed"
"""`GateFailed` is set when the version did not pass the gate of an alias."""

NODE_LOST: Final = "NodeLost"
"""`NodeLost` is set when the node of a pod does not answer, so that it is not known whether the pod runs."""

SIDECAR_RUNNING: Final = "SidecarRunning"
"""`SidecarRunning` is set when the main container of a pod has ended and another container of the pod, such as an
injected proxy, continues, so that the Job does not end."""

IMAGE_UNAVAILABLE: Final = "ImageUnavailable"
"""`ImageUnavailable` is set when a container image cannot be pulled."""

VOLUME_NOT_FOUND: Final = "VolumeNotFound"
"""`VolumeNotFound` is set when a PersistentVolumeClaim that a pod mounts does not exist."""

CONFIG_UNAVAILABLE: Final = "ConfigUnavailable"
"""`ConfigUnavailable` is set when a Secret, ConfigMap or key that a pod needs does not exist."""

RUNS_AS_ROOT: Final = "RunsAsRoot"
"""`RunsAsRoot` is set when a container would run as root, or its user has no known ID, while the pod must not."""

UNSCHEDULABLE: Final = "Unschedulable"
"""`Unschedulable` is set when no node can run a pod: none has the labels, the allocatable resources or the volumes that
it needs."""

POD_PENDING: Final = "PodPending"
"""`PodPending` is set when a pod has not started for a minute, for a cause that can pass: no free capacity, or an image
that is being pulled."""

HELD_BY_USER: Final = "HeldByUser"
"""`HeldByUser` is set when a Promotion by a user moved the alias back, or away from the version that a RetrainPolicy
promoted."""

CIRCUIT_OPEN: Final = "CircuitOpen"
"""`CircuitOpen` is set when too many consecutive trainings ended without a promotion."""

STALE_EVIDENCE: Final = "StaleEvidence"
"""`StaleEvidence` is set when enough windows are breached, but some of them are older than `for.within`."""

MONITOR_NOT_FOUND: Final = "MonitorNotFound"
"""`MonitorNotFound` is set when the ModelMonitor of a signal does not exist."""

NOTHING_SERVED: Final = "NothingServed"
"""`NothingServed` is set while the ModelDeployment has no stable version."""

ROLLING_OUT: Final = "RollingOut"
"""`RollingOut` is set while a ModelDeployment replaces its version."""
