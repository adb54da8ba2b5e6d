# SPDX-License-Identifier: Apache-2.0
"""Model: a named series of versions, and the aliases that point at one of them."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase
from mlops_operator.api.evaluation import Measurement
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.retention import Retention, RetentionStatus
from mlops_operator.api.schema import (
    Digest,
    ListMap,
    LongText,
    ObjectName,
    PvcUri,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    Uid,
)

MAX_VERSIONS: Final = 500
MAX_ALIAS_HISTORY: Final = 20

MAX_GATE_DRAWS: Final = 16
"""Maximum number of inputs whose measured artifacts are counted. The least recently used one is dropped first."""

MAX_DRAWN_ARTIFACTS: Final = 500
"""Maximum number of distinct artifacts counted on one input."""

MAX_REJECTIONS: Final = 128
"""Maximum number of rejected artifacts kept, the latest ones."""


class MissingBaseline(StrEnum):
    """Rule for the decision while the alias points at no version."""

    REQUIRE_ABSOLUTE = "RequireAbsolute"
    """`RequireAbsolute` is set to decide by `min` and `max` alone. At least one rule must set one of them."""
    REJECT = "Reject"
    """`Reject` is set to promote nothing. The user sets the first version of the alias with another gate."""


class GateBaseline(SpecModel):
    """The version a candidate is compared with: the one the alias points at."""

    missing: MissingBaseline = MissingBaseline.REQUIRE_ABSOLUTE
    """Rule for the decision while the alias points at no version."""


class Gate(Measurement):
    """Requirements that a version must meet before the alias may point at it."""

    baseline: GateBaseline = GateBaseline()
    """Version the candidate is compared with."""


class Restore(SpecModel):
    """The version that an alias pointed at when it was backed up."""

    version: ObjectName
    """Name of a ModelVersion of this Model."""
    digest: Digest
    """Digest of its artifact. The alias is restored once the operator has verified that the artifact has this
    digest."""


class Alias(SpecModel):
    """A name that points at one version, e.g. `champion`."""

    name: ShortName
    gate: Gate | None = None
    """Requirements for a version. Without a gate every Ready version may be promoted."""
    bootstrap: bool = False
    """Whether the first Ready version is promoted while the alias points at no version. Its gate still decides."""
    restore: Restore | None = None
    """Version that the alias gets, without a gate, while `status.aliases` has no entry for it. Until then no
    Promotion moves the alias, and none is created by `bootstrap`. Afterwards this field has no effect."""


class ModelSpec(SpecModel):
    """Desired state of a Model, independent of how it is trained."""

    description: LongText = ""
    """Description of the model for users."""
    owners: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    """Owners of the model, for users. The operator does not interpret them."""
    aliases: Annotated[tuple[Alias, ...], Field(max_length=8), ListMap("name")] = ()
    """Names that point at one version each. Removing an alias removes its history from the status; the Promotions are
    kept."""
    retention: Retention | None = None
    """Retention policy for the artifacts of versions and the files of runs without a version. Absent: nothing is
    removed."""


class AliasMove(StrEnum):
    """Cause of the last move of an alias."""

    PROMOTED = "Promoted"
    """`Promoted` is set when a Promotion moved the alias: its gate passed, or it went back to a former version."""
    RESTORED = "Restored"
    """`Restored` is set when the alias was restored from a backup, by the digest of the artifact."""


class AliasTerm(StatusModel):
    """A period in which an alias pointed at one version."""

    version: ObjectName
    version_uid: Uid = ""
    digest: Digest | None = None
    reason: AliasMove = AliasMove.PROMOTED
    promotion: ObjectName | None = None
    """Promotion that moved the alias. Absent if the reason is `Restored`."""
    promotion_uid: Uid = ""
    since: Timestamp
    """Start of the period."""


class AliasStatus(StatusModel):
    """Current and former versions of an alias."""

    name: ShortName
    version: ObjectName
    version_uid: Uid = ""
    """UID of the ModelVersion. An object of that name with another UID is another version."""
    digest: Digest | None = None
    """Digest of the artifact of the version."""
    reason: AliasMove = AliasMove.PROMOTED
    promotion: ObjectName | None = None
    """Promotion that moved the alias. Absent if the reason is `Restored`."""
    promotion_uid: Uid = ""
    since: Timestamp
    """Time at which the alias moved to the version."""
    model_uid: Uid = ""
    """UID of the Model when the alias was moved. In a status that was restored from a backup it is that of another
    object; then the alias is restored to the ModelVersion with its `version` and `digest`."""
    history: Annotated[tuple[AliasTerm, ...], Field(max_length=MAX_ALIAS_HISTORY)] = ()
    """Former versions, the latest first."""


class VersionNumber(StatusModel):
    """Number of a ModelVersion. A number is never assigned twice."""

    name: ObjectName
    uid: Uid
    number: Annotated[int, Field(ge=1)]
    """Number, from 1."""


class GateDraws(StatusModel):
    """Number of artifacts that the gates of this Model have measured on one input.

    An artifact is counted before its verdict is known. The count never decreases, even when versions, Promotions
    or Evaluations are deleted.
    """

    data: Digest
    """Digest of the rows of the input."""
    count: Annotated[int, Field(ge=1)]
    """Number of artifacts measured on this input."""
    last: Timestamp
    """Time at which an artifact was last counted."""
    artifacts: Annotated[tuple[Annotated[str, Field(max_length=16)], ...], Field(max_length=MAX_DRAWN_ARTIFACTS)] = ()
    """First characters of the digests of the artifacts, the latest last."""
    log: PvcUri | None = None
    """Folder of the prediction log that contains the rows, for recent rows."""
    newest_row: Timestamp | None = None
    """Time of the newest row, for recent rows. Later windows that begin before it share rows."""


class Rejection(StatusModel):
    """An artifact that failed a gate: the latest `Fail`.

    It is kept after the ModelVersion is deleted, so that a recreated version is not measured again on the same rows.
    """

    gate: Annotated[str, Field(max_length=16)]
    """Hash of the Model, the alias, and what the gate measures."""
    digest: Digest
    """Digest of the artifact."""
    version: ObjectName
    """Name of the ModelVersion that was measured."""
    alias: ShortName
    promotion: ObjectName
    promotion_uid: Uid
    time: Timestamp
    """Time of the decision."""
    newest_row: Timestamp | None = None
    """Time of the newest row on which it failed, if the gate measures recent rows."""
    passed_after: Timestamp | None = None
    """Time after which the artifact passed this gate, on at least `minCount` labeled rows newer than this. The
    rejection has ended unless `newestRow` is later."""


class ModelReason(StrEnum):
    """Reasons of a Model's conditions."""

    RECONCILED = "Reconciled"
    """`Reconciled` is set when every alias points at a version."""
    ALIAS_UNSET = reasons.ALIAS_UNSET
    """The Model is `Ready`."""
    BOOTSTRAPPING = "Bootstrapping"
    """`Bootstrapping` is set while an alias with `bootstrap` points at nothing and a version is verified or measured
    for it. The Model is `Ready` and `Reconciling`."""
    ALIAS_TARGET_MISSING = "AliasTargetMissing"
    """`AliasTargetMissing` is set when an alias points at a ModelVersion that was deleted. It stays there until a
    Promotion moves it."""
    RESTORE_PENDING = reasons.RESTORE_PENDING
    """The version does not exist or is not verified."""
    RESTORE_INVALID = "RestoreInvalid"
    """`RestoreInvalid` is set when the version that an alias is to be restored to has another digest, belongs to
    another Model, or cannot be verified. Nothing moves the alias until `restore` is corrected or removed."""
    TOO_MANY_VERSIONS = "TooManyVersions"
    """`TooManyVersions` is set when the Model has more versions than the limit. Those beyond it have no number; older
    ones have to be deleted."""
    INVALID_SPEC = reasons.INVALID_SPEC
    FORBIDDEN = reasons.FORBIDDEN
    TOO_LARGE = reasons.TOO_LARGE
    NAME_TAKEN = reasons.NAME_TAKEN
    REFUSED = reasons.REFUSED


class ModelPhase(StrEnum):
    """Summary of the current state of a Model."""

    READY = "Ready"
    """`Ready` is set when all aliases are as specified."""
    DEGRADED = "Degraded"
    """`Degraded` is set when an alias or a version needs a change by the user. The conditions have the reason."""
    INVALID = "Invalid"
    """`Invalid` is set when the spec does not validate."""


class ModelStatus(StatusBase):
    """Observed state of a Model."""

    aliases: Annotated[tuple[AliasStatus, ...], Field(max_length=8), ListMap("name")] = ()
    """Aliases that point at a version."""
    latest_version: Annotated[int, Field(ge=0)] = 0
    """Highest version number assigned so far."""
    versions: Annotated[tuple[VersionNumber, ...], Field(max_length=MAX_VERSIONS), ListMap("name")] = ()
    """Numbers of the ModelVersions."""
    gate_draws: Annotated[tuple[GateDraws, ...], Field(max_length=MAX_GATE_DRAWS), ListMap("data")] = ()
    """Inputs on which gates of this Model decided, the latest last."""
    rejections: Annotated[tuple[Rejection, ...], Field(max_length=MAX_REJECTIONS)] = ()
    """Artifacts that failed a gate of this Model, the latest last."""
    retention: RetentionStatus | None = None
    """State of `spec.retention`. Absent if no removal was requested."""


MODEL: Final = Kind(
    kind="Model",
    plural="models",
    short_names=("md",),
    spec=ModelSpec,
    status=ModelStatus,
    reasons=ModelReason,
    description="A named series of versions, and the aliases that point at one of them.",
    columns=(
        Column("Champion", '.status.aliases[?(@.name=="champion")].version'),
        Column("Latest", ".status.latestVersion", type="integer"),
        Column("Listed", ".status.retention.listed", type="integer", wide=True),
        Column("Removed", ".status.retention.removed", type="integer", wide=True),
    ),
)
