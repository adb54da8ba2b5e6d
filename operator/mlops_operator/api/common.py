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
    value: LongText | None = None
    value_from: Annotated[dict[str, object] | None, FreeForm()] = None
    """A Pod's EnvVarSource: `secretKeyRef`, `configMapKeyRef`, `fieldRef`, `resourceFieldRef`."""


class ImagePullPolicy(StrEnum):
    """When the image is pulled, as in a Pod."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Resources(SpecModel):
    """Compute resources of a container, as in a Pod."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None


class TemplateMetadata(SpecModel):
    """Labels and annotations added to the pods."""

    labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] = {}
    annotations: Annotated[dict[str, LongText], Field(max_length=32)] = {}


class PodTemplate(SpecModel):
    """Whatever of a Pod the typed fields do not name, merged under them.

    Containers are merged by name; the main container is called `main`. A field that a Pod does not have is reported as
    `InvalidPodTemplate`.
    """

    metadata: TemplateMetadata = TemplateMetadata()
    spec: AnyObject = {}


class DataInput(SpecModel):
    """Data that a run reads."""

    name: ShortName
    uri: PvcUri
    digest: Digest | None = None
    """What the data must be; a run that finds anything else fails with `DataCorrupt`."""


class ArtifactRef(SpecModel):
    """A file or folder with its digest."""

    uri: PvcUri
    digest: Digest


class Output(SpecModel):
    """Where a run leaves what it makes."""

    rules = (
        CelRule(
            "!self.uri.matches('/(trainingjobs|evaluations)(/|$)')",
            "output.uri: must not be in a folder trainingjobs or evaluations, which hold other runs' artifacts",
        ),
    )

    uri: PvcUri
    """Folder under which each run gets a folder of its own."""


class Toleration(SpecModel):
    """A taint that is tolerated, as in a Pod."""

    key: Annotated[str, Field(max_length=317)] | None = None
    operator: Annotated[str, Field(max_length=16)] | None = None
    """`Equal`, the default, or `Exists`, or another operator that the cluster knows."""
    value: Annotated[str, Field(max_length=63)] | None = None
    effect: Annotated[str, Field(max_length=32)] | None = None
    """`NoSchedule`, `PreferNoSchedule` or `NoExecute`; all of them by default."""
    toleration_seconds: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None


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
    """How pods are bounded, placed, identified and secured.

    A field that is set replaces the installation's default. `resources` and `securityContext` are replaced member by
    member.
    """

    rules = (
        _reserved("labels", RESERVED_LABELS, RESERVED_NAMES),
        _reserved("annotations", RESERVED_ANNOTATIONS),
    )

    resources: Resources = Resources()
    """Of each container. A resource that is named here, in `requests` or `limits`, replaces both default amounts."""
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=64)] | None = None
    affinity: AnyObject | None = None
    priority_class_name: ObjectName | None = None
    """A PriorityClass of the cluster."""
    runtime_class_name: ObjectName | None = None
    """A RuntimeClass of the cluster."""
    image_pull_secrets: Annotated[tuple[PullSecret, ...], Field(max_length=16), ListMap("name")] | None = None
    security_context: AnyObject | None = None
    """A Pod's security context, merged into the installation's. That of the containers is fixed and restricted."""
    service_account_name: ObjectName | None = None
    """A ServiceAccount of the pods' namespace, for workload identity. No token for the API server is mounted."""
    labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    """Labels of the pods. Keys of the operator and of Jobs are refused."""
    annotations: Annotated[dict[str, LongText], Field(max_length=32)] | None = None
    """Annotations of the pods. Keys of the operator are refused."""

    @field_validator("labels", "annotations")
    @classmethod
    def _without_reserved_keys(cls, found: dict[str, str] | None, info: ValidationInfo) -> dict[str, str] | None:
        labels = info.field_name == "labels"
        prefixes, names = (RESERVED_LABELS, RESERVED_NAMES) if labels else (RESERVED_ANNOTATIONS, ())
        if reserved := [key for key in found or () if key.startswith(prefixes) or key in names]:
            raise ValueError(f"the key {reserved[0]} is reserved: use another key")
        return found


class PodSettings(SpecModel):
    """Typed short-cuts for the pods that run people's images."""

    image: Image
    """The container image that runs."""
    image_pull_policy: ImagePullPolicy = ImagePullPolicy.IF_NOT_PRESENT
    command: Annotated[tuple[LongText, ...], Field(max_length=64)] = ()
    args: Annotated[tuple[LongText, ...], Field(max_length=128)] = ()
    env: Annotated[tuple[EnvVar, ...], Field(max_length=128), ListMap("name")] = ()
    resources: Resources = Resources()
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] = {}
    service_account_name: ObjectName | None = None
    """A token is mounted only where an account is named."""
    template: PodTemplate = PodTemplate()


class JobSettings(SpecModel):
    """The pods that the operator runs with its own workload image."""

    image: Image | None = None
    """Another image with `mlops_workload` in it; the operator's configured one by default."""
    task_pods: PodOptions = PodOptions()
    """Resources, placement and security of these pods."""


class StatusBase(StatusModel):
    """What every status has."""

    observed_generation: int | None = None
    """The generation of the spec that this status speaks of."""
    phase: Annotated[str, Field(max_length=32)] | None = None
    """One word for people; programs read the conditions."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16), ListMap("type")] = ()

    @property
    def written(self) -> bool:
        """Whether the operator has ever written this status (-1 is the CRD's default)."""
        return self.observed_generation is not None and self.observed_generation >= 0


class Waiting(StatusModel):
    """What an object waits for."""

    reason: Annotated[str, Field(max_length=128)]
    message: Text = ""
    since: Timestamp


class VersionRef(StatusModel):
    """One ModelVersion, by identity: an object that is created again under the name is another version."""

    name: ObjectName
    uid: Uid
    digest: Digest
    """Digest of its artifact."""


class DataRead(StatusModel):
    """Data as a run really read it."""

    name: Annotated[str, Field(max_length=128)]
    digest: Digest


class ReportRef(StatusModel):
    """A longer document in the artifact store."""

    uri: Uri
    digest: Digest
