# SPDX-License-Identifier: Apache-2.0
"""Promotion: a request that an alias point at a version, and the record of the decision."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase, VersionRef
from mlops_operator.api.evaluation import MAX_METRICS, MetricStatus, Verdict
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.schema import IMMUTABLE, LongText, ObjectName, ShortName, SpecModel, Text, Timestamp, Uid


class PromotionSpec(SpecModel):
    """Desired state of a Promotion: the alias that moves, and the version it moves to. Immutable."""

    rules = (IMMUTABLE,)

    model: ObjectName
    """Name of the Model."""
    alias: ShortName
    """Name of the alias."""
    version: ObjectName
    """Name of the ModelVersion. A version that the alias pointed at before needs only the gate that it passed then: a
    rollback."""
    reason: LongText = ""
    """Reason for the Promotion, as given by its creator."""


class PromotionPhase(StrEnum):
    """Summary of the current state of a Promotion. `Promoted`, `Rejected` and `Superseded` are final."""

    PENDING = "Pending"
    """`Pending` is set while the Promotion waits for an object."""
    EVALUATING = "Evaluating"
    """`Evaluating` is set while the gate measures the version."""
    PROMOTING = "Promoting"
    """`Promoting` is set when the gate is passed and the Model has not moved the alias yet."""
    PROMOTED = "Promoted"
    """`Promoted` is set when the alias points at the version."""
    REJECTED = "Rejected"
    """`Rejected` is set when the alias does not move because of this Promotion."""
    SUPERSEDED = "Superseded"
    """`Superseded` is set when a newer Promotion or a restore decides the alias instead."""


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
"""Condition: the version passed the gate. The Model moves an alias only on this condition, or for a restore."""


class PromotionStatus(StatusBase):
    """Observed state of a Promotion: the decision and its evidence."""

    from_version: Annotated[ObjectName | None, Field(alias="from")] = None
    """Version that the alias pointed at when the gate was passed. The alias moves only if it still points there."""
    from_uid: Uid = ""
    """UID of that version."""
    candidate: VersionRef | None = None
    """Version that passed the gate. The alias moves to this object, not to another one of its name."""
    baseline: VersionRef | None = None
    """Version that the gate compared the candidate with."""
    rollback: bool = False
    """Whether the alias pointed at the version before."""
    evaluation: ObjectName | None = None
    """Name of the Evaluation that measures for this Promotion."""
    evaluation_uid: Uid = ""
    verdict: Verdict | None = None
    metrics: Annotated[tuple[MetricStatus, ...], Field(max_length=MAX_METRICS)] = ()
    """Figures of the Evaluation, kept with the decision."""
    message: Text = ""
    """Explanation of the decision."""
    decided_at: Timestamp | None = None
    """Time of the decision."""
    promoted_at: Timestamp | None = None
    """Time at which the alias moved."""


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
