# SPDX-License-Identifier: Apache-2.0
"""Parts that several kinds' specs and statuses share."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator

from mlops_operator.api.conditions import Condition
from mlops_operator.api.schema import (
    AnyObject,
    CelRule,
    Digest,
    FreeForm,
    Image,
    ListMap,
    LongText,
    ObjectName,
    PvcUri,
    Quantity,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    Uid,
    Uri,
)


class EnvVar(SpecModel):
    """An environment variable of the main container, as in a Pod."""

    rules = (CelRule("!(has(self.value) && has(self.valueFrom))", "env: set value or valueFrom, not both"),)

    name: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")]
    """Name of the environment variable."""
    value: LongText | None = None
    """Value of the variable. It may refer to other variables as `$(NAME)`."""
    value_from: Annotated[dict[str, object] | None, FreeForm()] = None
    """Source of the value, as a Pod's EnvVarSource: `secretKeyRef`, `configMapKeyRef`, `fieldRef`,
    `resourceFieldRef`."""


class ImagePullPolicy(StrEnum):
    """Policy for pulling the image, as in a Pod."""

    ALWAYS = "Always"
    """`Always` is set to pull the image at each start of a pod."""
    IF_NOT_PRESENT = "IfNotPresent"
    """`IfNotPresent` is set to pull the image only where the node does not have it."""
    NEVER = "Never"
    """`Never` is set to use only an image that the node has."""


class Resources(SpecModel):
    """Compute resources of a container, as in a Pod."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """Amounts that the scheduler reserves for the container, by resource name."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """Maximum amounts that the container may use, by resource name."""


class TemplateMetadata(SpecModel):
    """Labels and annotations added to the pods."""

    labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] = {}
    """Labels added to the pods."""
    annotations: Annotated[dict[str, LongText], Field(max_length=32)] = {}
    """Annotations added to the pods."""


class PodTemplate(SpecModel):
    """Pod fields that have no typed field here, merged under the typed fields.

    Containers are merged by name; the main container is called `main`. A field that a Pod does not have is reported as
    `InvalidPodTemplate`.
    """

    metadata: TemplateMetadata = TemplateMetadata()
    spec: AnyObject = {}
    """Fields of a PodSpec."""


class DataInput(SpecModel):
    """A data set that a run reads."""

    name: ShortName
    uri: PvcUri
    digest: Digest | None = None
    """Expected digest of the data. A run that finds another digest fails with `DataCorrupt`."""


class ArtifactRef(SpecModel):
    """A file or folder with its digest."""

    uri: PvcUri
    digest: Digest


class Output(SpecModel):
    """Location for the files that a run writes."""

    rules = (
        CelRule(
            "!self.uri.matches('/(trainingjobs|evaluations)(/|$)')",
            "output.uri: must not be in a folder trainingjobs or evaluations, which hold other runs' artifacts",
        ),
    )

    uri: PvcUri
    """Folder in which each run gets a folder of its own."""


class Toleration(SpecModel):
    """A toleration of a node taint, as in a Pod."""

    key: Annotated[str, Field(max_length=317)] | None = None
    """Taint key. Empty with the operator `Exists` matches all keys."""
    operator: Annotated[str, Field(max_length=16)] | None = None
    """Relation between key and value: `Equal` (default), `Exists`, or another operator of the cluster."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Taint value that is matched."""
    effect: Annotated[str, Field(max_length=32)] | None = None
    """Taint effect that is matched: `NoSchedule`, `PreferNoSchedule` or `NoExecute`. Default: all."""
    toleration_seconds: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    """Time in seconds for which a pod stays on a node after a `NoExecute` taint appears. Default: no limit."""


class PullSecret(SpecModel):
    """A Secret in the pods' namespace, as in a Pod."""

    name: ObjectName


RESERVED_LABELS: Final = ("mlops-operator.io/", "app.kubernetes.io/", "batch.kubernetes.io/")
"""Prefixes of labels that the operator and the Job controller set: pods are found and limited by them."""

RESERVED_NAMES: Final = ("controller-uid", "job-name")
"""Labels without a prefix that the Job controller sets."""

RESERVED_ANNOTATIONS: Final = ("mlops-operator.io/",)


def _reserved(field: str, prefixes: Sequence[str], names: Sequence[str] = ()) -> CelRule:
    tests = [f"!key.startsWith('{prefix}')" for prefix in prefixes]
    if names:
        tests.append(f"!(key in [{', '.join(repr(name) for name in names)}])")
    return CelRule(
        f"!has(self.{field}) || self.{field}.all(key, {' && '.join(tests)})",
        f"{field}: the keys {', '.join([*(prefix + '*' for prefix in prefixes), *names])} are reserved: use other keys",
    )


class PodOptions(SpecModel):
    """Resources, placement, identity and security of pods.

    A field that is set replaces the installation's default. `resources` and `securityContext` are replaced member by
    member.
    """

    rules = (
        _reserved("labels", RESERVED_LABELS, RESERVED_NAMES),
        _reserved("annotations", RESERVED_ANNOTATIONS),
    )

    resources: Resources = Resources()
    """Compute resources of each container. A resource that is named in `requests` or `limits` replaces both default
    amounts."""
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    """Labels that a node must have for the pods to run on it."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=64)] | None = None
    """Taints that the pods tolerate."""
    affinity: AnyObject | None = None
    """Scheduling constraints of the pods, as a Pod's `affinity`."""
    priority_class_name: ObjectName | None = None
    """Name of a PriorityClass of the cluster."""
    runtime_class_name: ObjectName | None = None
    """Name of a RuntimeClass of the cluster."""
    image_pull_secrets: Annotated[tuple[PullSecret, ...], Field(max_length=16), ListMap("name")] | None = None
    """Secrets with the credentials for pulling the images."""
    security_context: AnyObject | None = None
    """A Pod's security context, merged into the installation's. The security context of the containers is fixed and
    restricted."""
    service_account_name: ObjectName | None = None
    """ServiceAccount in the namespace of the pods, for workload identity. No token for the API server is mounted."""
    labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    """Labels of the pods. Keys of the operator and of Jobs are rejected."""
    annotations: Annotated[dict[str, LongText], Field(max_length=32)] | None = None
    """Annotations of the pods. Keys of the operator are rejected."""

    @field_validator("labels", "annotations")
    @classmethod
    def _without_reserved_keys(cls, found: dict[str, str] | None, info: ValidationInfo) -> dict[str, str] | None:
        labels = info.field_name == "labels"
        prefixes, names = (RESERVED_LABELS, RESERVED_NAMES) if labels else (RESERVED_ANNOTATIONS, ())
        if reserved := [key for key in found or () if key.startswith(prefixes) or key in names]:
            raise ValueError(f"the key {reserved[0]} is reserved: use another key")
        return found


class PodSettings(SpecModel):
    """Settings of the pods that run the user's image."""

    image: Image
    """Container image of the main container."""
    image_pull_policy: ImagePullPolicy = ImagePullPolicy.IF_NOT_PRESENT
    command: Annotated[tuple[LongText, ...], Field(max_length=64)] = ()
    """Entrypoint of the main container. Default: the entrypoint of the image."""
    args: Annotated[tuple[LongText, ...], Field(max_length=128)] = ()
    """Arguments of the entrypoint. Default: the command of the image, where `command` is not set."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=128), ListMap("name")] = ()
    """Environment variables of the main container."""
    resources: Resources = Resources()
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] = {}
    """Labels that a node must have for the pods to run on it."""
    service_account_name: ObjectName | None = None
    """ServiceAccount of the pods. Its token is mounted only if this field is set."""
    template: PodTemplate = PodTemplate()


class JobSettings(SpecModel):
    """Settings of the pods that the operator runs with its own workload image."""

    image: Image | None = None
    """Image that contains `mlops_workload`. Default: the image configured for the operator."""
    task_pods: PodOptions = PodOptions()
    """Resources, placement and security of these pods."""


class StatusBase(StatusModel):
    """Fields that every status has."""

    observed_generation: int | None = None
    """Generation of the spec that this status describes."""
    phase: Annotated[str, Field(max_length=32)] | None = None
    """Summary of the current state for users. Programs read the conditions instead."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16), ListMap("type")] = ()
    """Current conditions: `Reconciling`, `Stalled`, `Ready`, and those of the kind."""

    @property
    def written(self) -> bool:
        """Whether the operator has ever written this status (-1 is the CRD's default)."""
        return self.observed_generation is not None and self.observed_generation >= 0


class Waiting(StatusModel):
    """The cause of a wait, and its start."""

    reason: Annotated[str, Field(max_length=128)]
    """Reason of the wait in CamelCase."""
    message: Text = ""
    """Explanation of the wait."""
    since: Timestamp
    """Start of the wait."""


class VersionRef(StatusModel):
    """A ModelVersion, identified by UID: an object that is created again under the name is another version."""

    name: ObjectName
    uid: Uid
    digest: Digest
    """Digest of the artifact of the version."""


class DataRead(StatusModel):
    """A data set as a run has read it."""

    name: Annotated[str, Field(max_length=128)]
    """Name of the data input."""
    digest: Digest


class ReportRef(StatusModel):
    """A report in the artifact store."""

    uri: Uri
    digest: Digest
