"""RetrainPolicy: when a model is trained again, and why it was not."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import Truth
from mlops_operator.api.evaluation import MetricName
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.meta import PREFIX
from mlops_operator.api.schema import (
    CelRule,
    Duration,
    ListMap,
    ObjectName,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    seconds,
)
from mlops_operator.api.trainingjob import TrainingJobSpec

MAX_DECISIONS: Final = 20
"""Decisions that are kept in status."""

MAX_COOLDOWN: Final = "8760h"
"""A year."""

MIN_TTL: Final = 600
"""Least `ttlSecondsAfterFinished` of a TrainingJob, in seconds: the policy reads its outcome first."""

MANUAL: Final = "manual"
"""Name under which a person's trigger is recorded."""

TRIGGER_ANNOTATION: Final = PREFIX + "trigger"
"""Set by a person to any new value, this starts a training past the cooldown: the manual trigger."""


class ForWindows(SpecModel):
    """How often a monitor must have been breached: so many of the last measured windows.

    Not called `k` and `n`: YAML 1.1 reads an unquoted `n` as false.
    """

    rules = (CelRule("self.breached <= self.of", "for: breached must not exceed of"),)

    breached: Annotated[int, Field(ge=1, le=20)] = 2
    of: Annotated[int, Field(ge=1, le=20)] = 3


class Signal(SpecModel):
    """A monitor's metric that counts as a reason once it is breached in k of n windows.

    Windows of which it could not be told do not count, neither way.
    """

    name: ShortName
    monitor: ObjectName
    metric: MetricName = "accuracy"
    windows: Annotated[ForWindows, Field(alias="for")] = ForWindows()


class CronTrigger(SpecModel):
    """A schedule in the format of cron."""

    schedule: Annotated[str, Field(min_length=9, max_length=128)]
    """Five fields: minute, hour, day of month, month, day of week. Of several moments that were
    missed only the latest counts; those that pass while the policy is suspended do not."""
    time_zone: Annotated[str, Field(max_length=64)] = "Etc/UTC"
    """A name of the IANA time zone database."""


class Trigger(SpecModel):
    """What starts a training."""

    rules = (
        CelRule("has(self.signal) != has(self.cron)", "triggers: set exactly one of signal and cron"),
        CelRule(f"self.name != '{MANUAL}'", f"triggers: the name {MANUAL} stands for the annotation"),
    )

    name: ShortName
    signal: ShortName | None = None
    """Name of one of `signals`."""
    cron: CronTrigger | None = None


class Guard(SpecModel):
    """What keeps a trigger from starting a training."""

    rules = (
        CelRule(f"duration(self.cooldown) <= duration('{MAX_COOLDOWN}')", f"guard.cooldown: at most {MAX_COOLDOWN}"),
    )

    cooldown: Duration = "1h"
    """Least time between the starts of two trainings; a manual trigger does not wait for it."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if seconds(self.cooldown) > seconds(MAX_COOLDOWN):
            raise ValueError(f"cooldown: expected at most {MAX_COOLDOWN}, found {self.cooldown}")
        return self


class TrainingTemplate(SpecModel):
    """The TrainingJobs that the policy creates; `model` is filled in."""

    spec: TrainingJobSpec


class Promote(SpecModel):
    """What happens with the version that comes out."""

    alias: ShortName


class RetrainPolicySpec(SpecModel):
    """When, how, and what then."""

    rules = (
        CelRule(
            "self.triggers.all(t, !has(t.signal) || self.signals.exists(s, s.name == t.signal))",
            "triggers: signal must be the name of one of signals",
        ),
        CelRule("!has(self.training.spec.model)", "training.spec.model: leave it out, spec.model decides"),
        CelRule(
            "!has(self.training.spec.ttlSecondsAfterFinished)"
            f" || self.training.spec.ttlSecondsAfterFinished >= {MIN_TTL}",
            f"training.spec.ttlSecondsAfterFinished: at least {MIN_TTL}, since the policy reads the outcome",
        ),
        CelRule("self.model == oldSelf.model", "model is immutable: create another RetrainPolicy instead"),
    )

    model: ObjectName
    signals: Annotated[tuple[Signal, ...], Field(max_length=8), ListMap("name")] = ()
    triggers: Annotated[tuple[Trigger, ...], Field(max_length=8), ListMap("name")] = ()
    """Beside these a person may always trigger by the annotation `mlops-operator.io/trigger`."""
    guard: Guard = Guard()
    training: TrainingTemplate
    promote: Promote | None = None
    """Without it the version is made and nothing more."""
    suspend: bool = False
    """Nothing starts; what is under way goes on to its end."""


class PolicyPhase(StrEnum):
    """One word on a RetrainPolicy."""

    IDLE = "Idle"
    TRAINING = "Training"
    PROMOTING = "Promoting"
    SUSPENDED = "Suspended"


class PolicyReason(StrEnum):
    """Reasons of a RetrainPolicy's conditions."""

    IDLE = "Idle"
    TRAINING = "Training"
    PROMOTING = "Promoting"
    SUSPENDED = "Suspended"
    TRAINING_STALLED = "TrainingStalled"
    """The TrainingJob needs a person; until it ends nothing else starts."""
    MODEL_NOT_FOUND = "ModelNotFound"
    ALIAS_NOT_FOUND = "AliasNotFound"
    MONITOR_NOT_FOUND = "MonitorNotFound"
    """A signal's monitor is not there; the other triggers work."""
    INVALID_SCHEDULE = "InvalidSchedule"
    INVALID_SPEC = "InvalidSpec"
    """The object is older than its definition and does not fit it."""
    INVALID_POD_TEMPLATE = "InvalidPodTemplate"
    """The API server refuses the TrainingJob, in its own words."""
    NAME_TAKEN = "NameTaken"
    """An object of a child's name exists and belongs to somebody else."""
    FORBIDDEN = "Forbidden"
    """A quota, an admission policy or missing rights refuse a child."""


class DecisionReason(StrEnum):
    """Why a training was started, or a trigger skipped."""

    SIGNAL_ACTIVE = "SignalActive"
    SCHEDULE_DUE = "ScheduleDue"
    MANUAL_TRIGGER = "ManualTrigger"
    COOLDOWN = "Cooldown"
    IN_FLIGHT = "InFlight"


class DecisionResult(StrEnum):
    """What came of a training that was started."""

    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    SUPERSEDED = "Superseded"
    TRAINED = "Trained"
    """The version is there; nothing more was asked for."""
    TRAINING_FAILED = "TrainingFailed"
    VERSION_FAILED = "VersionFailed"
    PROMOTION_DELETED = "PromotionDeleted"


class DecisionOutcome(StrEnum):
    """What was decided, and later what came of it."""

    STARTED = "Started"
    SKIPPED = "Skipped"


class SignalStatus(StatusModel):
    """A signal as it was last seen."""

    name: ShortName
    active: Truth
    breached: int = 0
    """Windows breached among those that count."""
    known: int = 0
    """Windows that count, at most n."""
    message: Text = ""


class Evidence(StatusModel):
    """A window on which a decision rests."""

    window_end: Timestamp
    version: ObjectName | None = None
    value: float | None = None
    limit: float | None = None
    n: int | None = None


class Decision(StatusModel):
    """One trigger and what was made of it."""

    id: Annotated[str, Field(max_length=64)]
    """The same trigger has the same id, whoever looks: hash of policy, trigger and moment."""
    trigger: Annotated[str, Field(max_length=64)]
    moment: Annotated[str, Field(max_length=256)] = ""
    """What it fired for: the end of the newest window, the moment of the schedule, or the annotation's value."""
    time: Timestamp
    outcome: DecisionOutcome
    reason: Annotated[str, Field(max_length=64)]
    message: Text = ""
    count: Annotated[int, Field(ge=1)] = 1
    """How often in a row the trigger was skipped for this reason; the last time is recorded."""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()
    training_job: ObjectName | None = None
    model_version: ObjectName | None = None
    promotion: ObjectName | None = None
    result: DecisionResult | None = None
    """How it ended; absent while it is under way."""
    result_message: Text = ""
    completed_at: Timestamp | None = None
    """When it ended; windows that ended before are no reason to train again."""

    @property
    def open(self) -> bool:
        """Whether it was started and is under way."""
        return self.outcome is DecisionOutcome.STARTED and self.result is None


class ScheduleStatus(StatusModel):
    """How far a schedule has been looked at."""

    trigger: ShortName
    schedule: Annotated[str, Field(max_length=256)]
    """The schedule and its time zone; another one begins anew."""
    last: Timestamp
    """Moments up to here are done with."""


class RetrainPolicyStatus(StatusBase):
    """Signals and decisions."""

    signals: Annotated[tuple[SignalStatus, ...], Field(max_length=8), ListMap("name")] = ()
    decisions: Annotated[tuple[Decision, ...], Field(max_length=MAX_DECISIONS), ListMap("id")] = ()
    """The newest last; of a long history the skipped triggers go first."""
    last_started: Timestamp | None = None
    schedules: Annotated[tuple[ScheduleStatus, ...], Field(max_length=8), ListMap("trigger")] = ()
    handled_trigger: Annotated[str, Field(max_length=256)] = ""
    """The last value of the trigger annotation that was acted on; the digest of a long one."""


RETRAIN_POLICY: Final = Kind(
    kind="RetrainPolicy",
    plural="retrainpolicies",
    short_names=("rp",),
    spec=RetrainPolicySpec,
    status=RetrainPolicyStatus,
    description="When a model is trained again, and why it was not.",
    columns=(
        Column("Model", ".spec.model"),
        Column("Last-Decision", ".status.decisions[-1:].outcome"),
        Column("Why", ".status.decisions[-1:].reason"),
        Column("Started", ".status.lastStarted", type="date", wide=True),
    ),
)
