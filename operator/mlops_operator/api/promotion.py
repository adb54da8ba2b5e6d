"""Promotion: a request that an alias point at a version, and the record of what became of it."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api.common import StatusBase, VersionRef
from mlops_operator.api.evaluation import MAX_METRICS, MetricStatus, Verdict
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.schema import IMMUTABLE, LongText, ObjectName, ShortName, SpecModel, Text, Timestamp, Uid


class PromotionSpec(SpecModel):
    """Which alias of which model should point at which version, and why. Immutable."""

    rules = (IMMUTABLE,)

    model: ObjectName
    alias: ShortName
    version: ObjectName
    """A ModelVersion. One that the alias pointed at before passes by the gate it passed then: a rollback."""
    reason: LongText = ""


class PromotionPhase(StrEnum):
    """One word on a Promotion; `Promoted`, `Rejected` and `Superseded` are final."""

    PENDING = "Pending"
    EVALUATING = "Evaluating"
    PROMOTING = "Promoting"
    """The gate is passed; the Model moves the alias."""
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    SUPERSEDED = "Superseded"


TERMINAL: Final = frozenset({PromotionPhase.PROMOTED, PromotionPhase.REJECTED, PromotionPhase.SUPERSEDED})


class PromotionReason(StrEnum):
    """Reasons of a Promotion's conditions."""

    MODEL_NOT_FOUND = "ModelNotFound"
    ALIAS_NOT_FOUND = "AliasNotFound"
    MODEL_VERSION_NOT_FOUND = "ModelVersionNotFound"
    MODEL_VERSION_NOT_READY = "ModelVersionNotReady"
    ARTIFACT_REMOVED = "ArtifactRemoved"
    """`ArtifactRemoved` is set when `spec.retention` of the Model has removed the artifact of the version."""
    OWNER_NOT_FOUND = "OwnerNotFound"
    """`OwnerNotFound` is set while the Model or RetrainPolicy that controls it does not exist, as after a restore: the
    garbage collector deletes it."""
    RESTORE_PENDING = "RestorePending"
    """`RestorePending` is set while the alias is to be restored from a backup. The Promotion is superseded by that."""
    MODEL_MISMATCH = "ModelMismatch"
    """The version is of another Model."""
    VERSION_REJECTED = "VersionRejected"
    """The version's artifact failed this gate before, under this or another name."""
    BASELINE_MISSING = "BaselineMissing"
    """The alias points at nothing, or at a version that was deleted, and its gate requires a baseline."""
    EVALUATING = "Evaluating"
    DATA_NOT_FOUND = "DataNotFound"
    """`DataNotFound` is set while the Evaluation waits for rows of the gate that are not there."""
    RECORDING_RESULT = "RecordingResult"
    """The Evaluation has a verdict; the decision is final once the ModelVersion's status has the result."""
    GATE_PASSED = "GatePassed"
    NO_GATE = "NoGate"
    FORMER_VERSION = "FormerVersion"
    """The alias pointed at this version before."""
    ALREADY_THERE = "AlreadyThere"
    GATE_FAILED = "GateFailed"
    GATE_INCONCLUSIVE = "GateInconclusive"
    """The evidence does not suffice either way; the version is not rejected by it."""
    EVALUATION_FAILED = "EvaluationFailed"
    """The evaluation could not be made or done."""
    PROMOTED = "Promoted"
    SUPERSEDED = "Superseded"
    """A newer Promotion asks for the same alias, or the alias was restored from a backup after this one was created."""
    INVALID_SPEC = "InvalidSpec"
    """The object is older than its definition and does not fit it."""
    NAME_TAKEN = "NameTaken"
    """An object of the Evaluation's name exists and is not the Evaluation that the gate asks for; delete it."""
    FORBIDDEN = "Forbidden"
    """A quota, an admission policy or missing rights refuse the Evaluation."""


GATE_PASSED: Final = "GatePassed"
"""Condition: the gate let the version through. The Model moves an alias for nothing else."""


class PromotionStatus(StatusBase):
    """The decision and its evidence."""

    from_version: Annotated[ObjectName | None, Field(alias="from")] = None
    """The version the alias pointed at when the gate was passed; the alias moves only if it still does."""
    from_uid: Uid = ""
    """UID of that version."""
    candidate: VersionRef | None = None
    """The version that the gate let through; the alias moves to this object and to no other one of its name."""
    baseline: VersionRef | None = None
    """The version that the gate compared it with."""
    rollback: bool = False
    evaluation: ObjectName | None = None
    evaluation_uid: Uid = ""
    verdict: Verdict | None = None
    metrics: Annotated[tuple[MetricStatus, ...], Field(max_length=MAX_METRICS)] = ()
    """The evaluation's numbers, kept with the decision."""
    message: Text = ""
    decided_at: Timestamp | None = None
    promoted_at: Timestamp | None = None


PROMOTION: Final = Kind(
    kind="Promotion",
    plural="promotions",
    short_names=("promo",),
    spec=PromotionSpec,
    status=PromotionStatus,
    reasons=PromotionReason,
    description="A request that an alias point at a version, with the gate's decision and its evidence.",
    columns=(
        Column("Model", ".spec.model"),
        Column("Alias", ".spec.alias"),
        Column("Version", ".spec.version"),
        Column("From", ".status.from", wide=True),
        Column("Verdict", ".status.verdict", wide=True),
    ),
)
