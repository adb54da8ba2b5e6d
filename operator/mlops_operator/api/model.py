"""Model: a name under which versions gather, and the aliases that point at one of them."""

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
"""Inputs of which the draws are counted; the one that was drawn least recently is forgotten first."""

MAX_DRAWN_ARTIFACTS: Final = 500
"""Artifacts that are told apart on one input; the count stays at this."""

MAX_REJECTIONS: Final = 128
"""Rejected artifacts that are remembered, the latest."""


class MissingBaseline(StrEnum):
    """What decides while the alias points at nothing."""

    REQUIRE_ABSOLUTE = "RequireAbsolute"
    """Floors and ceilings alone; there must be one."""
    REJECT = "Reject"
    """Nothing is promoted; somebody has to set the alias's first version by another gate."""


class GateBaseline(SpecModel):
    """The version a candidate is compared with: the one the alias points at."""

    missing: MissingBaseline = MissingBaseline.REQUIRE_ABSOLUTE


class Gate(Measurement):
    """What a version must show before the alias may point at it."""

    baseline: GateBaseline = GateBaseline()


class Restore(SpecModel):
    """The version that an alias pointed at when it was backed up."""

    version: ObjectName
    """A ModelVersion of this Model."""
    digest: Digest
    """Digest of its artifact. The alias is restored once the operator has verified that the artifact has it."""


class Alias(SpecModel):
    """A name that points at one version, e.g. `champion`."""

    name: ShortName
    gate: Gate | None = None
    """Without a gate any Ready version may be promoted."""
    bootstrap: bool = False
    """Whether the first Ready version is promoted while the alias points at nothing; its gate still decides."""
    restore: Restore | None = None
    """Where the alias points while `status.aliases` has no entry for it, without a gate. Until then no Promotion moves
    the alias, and none is created by `bootstrap`; afterwards this field has no effect."""


class ModelSpec(SpecModel):
    """A model, whoever trains it."""

    description: LongText = ""
    owners: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    aliases: Annotated[tuple[Alias, ...], Field(max_length=8), ListMap("name")] = ()
    """An alias that is removed here is forgotten with its history; the Promotions remain."""
    retention: Retention | None = None
    """Which versions' artifacts are removed, and which files of runs without a version; absent, none are."""


class AliasMove(StrEnum):
    """How an alias came to point at a version."""

    PROMOTED = "Promoted"
    """`Promoted` is set when a Promotion moved the alias: its gate passed, or it went back to a former version."""
    RESTORED = "Restored"
    """`Restored` is set when the alias was restored from a backup, by the digest of the artifact."""


class AliasTerm(StatusModel):
    """A version's time under an alias."""

    version: ObjectName
    version_uid: Uid = ""
    digest: Digest | None = None
    reason: AliasMove = AliasMove.PROMOTED
    promotion: ObjectName | None = None
    """The Promotion that moved the alias; absent where the reason is `Restored`."""
    promotion_uid: Uid = ""
    since: Timestamp


class AliasStatus(StatusModel):
    """Where an alias points, by whose decision, and where it pointed before."""

    name: ShortName
    version: ObjectName
    version_uid: Uid = ""
    """UID of the ModelVersion. An object of that name with another UID is another version."""
    digest: Digest | None = None
    """Digest of its artifact."""
    reason: AliasMove = AliasMove.PROMOTED
    promotion: ObjectName | None = None
    """The Promotion that moved the alias; absent where the reason is `Restored`."""
    promotion_uid: Uid = ""
    since: Timestamp
    model_uid: Uid = ""
    """UID of the Model when the alias was moved. In a status that was restored from a backup it is that of another
    object; then the alias is restored to the ModelVersion with its `version` and `digest`."""
    history: Annotated[tuple[AliasTerm, ...], Field(max_length=MAX_ALIAS_HISTORY)] = ()
    """Former terms, the latest first."""


class VersionNumber(StatusModel):
    """The number that a ModelVersion got; never given twice."""

    name: ObjectName
    uid: Uid
    number: Annotated[int, Field(ge=1)]


class GateDraws(StatusModel):
    """Number of artifacts that the gates of this Model have measured on one input.

    An artifact is counted before it is judged. The count never falls, also when versions, Promotions or Evaluations are
    deleted.
    """

    data: Digest
    """Digest of the rows of the input."""
    count: Annotated[int, Field(ge=1)]
    last: Timestamp
    """When an artifact was last counted."""
    artifacts: Annotated[tuple[Annotated[str, Field(max_length=16)], ...], Field(max_length=MAX_DRAWN_ARTIFACTS)] = ()
    """The beginnings of the digests of the artifacts, the latest last."""
    log: PvcUri | None = None
    """Folder of the prediction log that the rows are from, where they are recent rows."""
    newest_row: Timestamp | None = None
    """Time of the newest of the rows, where they are recent rows. Later windows that begin before it share rows."""


class Rejection(StatusModel):
    """An artifact that failed a gate: the latest `Fail`.

    It outlives the ModelVersion, so that creating it again gives no second try on the same rows.
    """

    gate: Annotated[str, Field(max_length=16)]
    """Hash of the Model, the alias, and what the gate measures."""
    digest: Digest
    """Digest of the artifact."""
    version: ObjectName
    """The ModelVersion that was measured."""
    alias: ShortName
    promotion: ObjectName
    promotion_uid: Uid
    time: Timestamp
    newest_row: Timestamp | None = None
    """Time of the newest row on which it failed, where the gate measures recent rows."""
    passed_after: Timestamp | None = None
    """The artifact passed this gate later, on at least `minCount` labeled rows newer than this. The rejection has ended
    unless `newestRow` is later."""


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
    """One word on a Model."""

    READY = "Ready"
    DEGRADED = "Degraded"
    """An alias or a version needs a person; see the conditions."""
    INVALID = "Invalid"


class ModelStatus(StatusBase):
    """Aliases and versions."""

    aliases: Annotated[tuple[AliasStatus, ...], Field(max_length=8), ListMap("name")] = ()
    latest_version: Annotated[int, Field(ge=0)] = 0
    """The highest number given so far."""
    versions: Annotated[tuple[VersionNumber, ...], Field(max_length=MAX_VERSIONS), ListMap("name")] = ()
    gate_draws: Annotated[tuple[GateDraws, ...], Field(max_length=MAX_GATE_DRAWS), ListMap("data")] = ()
    """The inputs on which gates of this Model decided, the latest last."""
    rejections: Annotated[tuple[Rejection, ...], Field(max_length=MAX_REJECTIONS)] = ()
    """Artifacts that failed a gate of this Model, the latest last."""
    retention: RetentionStatus | None = None
    """What is beyond `spec.retention`; absent where no removal was asked for."""


MODEL: Final = Kind(
    kind="Model",
    plural="models",
    short_names=("md",),
    spec=ModelSpec,
    status=ModelStatus,
    reasons=ModelReason,
    description="A name under which versions gather, and the aliases that point at one of them.",
    columns=(
        Column("Champion", '.status.aliases[?(@.name=="champion")].version'),
        Column("Latest", ".status.latestVersion", type="integer"),
        Column("Listed", ".status.retention.listed", type="integer", wide=True),
        Column("Removed", ".status.retention.removed", type="integer", wide=True),
    ),
)
