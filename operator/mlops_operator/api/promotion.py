"""Promotion: a request that an alias point at a version, and the record of what became of it."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api import reasons
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

    MODEL_NOT_FOUND = reasons.MODEL_NOT_FOUND
    ALIAS_NOT_FOUND = reasons.ALIAS_NOT_FOUND
    MODEL_VERSION_NOT_FOUND = reasons.MODEL_VERSION_NOT_FOUND
    MODEL_VERSION_NOT_READY = reasons.MODEL_VERSION_NOT_READY
    ARTIFACT_REMOVED = reasons.ARTIFACT_REMOVED
    OWNER_NOT_FOUND = reasons.OWNER_NOT_FOUND
    RESTORE_PENDING = reasons.RESTORE_PENDING
    """That supersedes the Promotion."""
    MODEL_MISMATCH = reasons.MODEL_MISMATCH
    VERSION_REJECTED = "VersionRejected"
    """`VersionRejected` is set when the artifact of the version failed this gate before, under this or another name."""
    BASELINE_MISSING = "BaselineMissing"
    """`BaselineMissing` is set when the alias points at nothing, or at a version that was deleted, and its gate
    requires a baseline."""
    EVALUATING = "Evaluating"
    """`Evaluating` is set while an Evaluation measures the version for the gate."""
    DATA_NOT_FOUND = reasons.DATA_NOT_FOUND
    """They are rows of the gate, for which the Evaluation waits."""
    RECORDING_RESULT = "RecordingResult"
    """`RecordingResult` is set when the Evaluation has a verdict. The decision is final once the status of the
    ModelVersion has the result."""
    GATE_PASSED = "GatePassed"
    """`GatePassed` is set when the version passed the gate and the Model is about to move the alias."""
    NO_GATE = "NoGate"
    """`NoGate` is set when the alias has no gate and the Model is about to move it."""
    FORMER_VERSION = "FormerVersion"
    """`FormerVersion` is set when the alias pointed at this version before, so that the gate is not asked again."""
    ALREADY_THERE = "AlreadyThere"
    """`AlreadyThere` is set when the alias pointed at the version before the Promotion was decided."""
    GATE_FAILED = reasons.GATE_FAILED
    GATE_INCONCLUSIVE = "GateInconclusive"
    """`GateInconclusive` is set when the evidence does not suffice either way. The version is not rejected by it."""
    EVALUATION_FAILED = "EvaluationFailed"
    """`EvaluationFailed` is set when the version could not be evaluated."""
    PROMOTED = "Promoted"
    """`Promoted` is set when the alias points at the version."""
    SUPERSEDED = "Superseded"
    """`Superseded` is set when a newer Promotion asks for the same alias, or the alias was restored from a backup after
    this one was created."""
    INVALID_SPEC = reasons.INVALID_SPEC
    NAME_TAKEN = reasons.NAME_TAKEN
    FORBIDDEN = reasons.FORBIDDEN
    REFUSED = reasons.REFUSED
    TOO_LARGE = reasons.TOO_LARGE


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
