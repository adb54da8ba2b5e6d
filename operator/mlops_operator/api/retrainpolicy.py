"""RetrainPolicy: when a model is trained again, and why it was not."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import Truth
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.meta import PREFIX
from mlops_operator.api.modelmonitor import MIN_WINDOW, MonitoredName
from mlops_operator.api.retrainguard import MAX_PERIOD, MAX_RUNS, Guard, check_period
from mlops_operator.api.schema import (
    CelRule,
    Digest,
    Duration,
    ListMap,
    ObjectName,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    Uid,
)
from mlops_operator.api.trainingjob import TrainingJobSpec

MAX_DECISIONS: Final = 20
"""Decisions that are kept in status."""

MIN_TTL: Final = 600
"""Least `ttlSecondsAfterFinished` of a TrainingJob, in seconds: the policy reads its outcome first."""

MANUAL: Final = "manual"
"""Name under which a person's trigger is recorded."""

TRIGGER_ANNOTATION: Final = PREFIX + "trigger"
"""Manual trigger: a new value starts one training and bypasses every guard except the training in flight."""

RESUME_ANNOTATION: Final = PREFIX + "resume"
"""A new value ends a hold (`HeldByUser`), closes the circuit and resets the backoff."""


class ForWindows(SpecModel):
    """Number of breached windows, among the last known ones, that makes a signal active.

    Not called `k` and `n`: YAML 1.1 reads an unquoted `n` as false.
    """

    rules = (
        CelRule("self.breached <= self.of", "for: breached must not exceed of"),
        CelRule(
            f"!has(self.within) || (duration(self.within) >= duration('{MIN_WINDOW}')"
            f" && duration(self.within) <= duration('{MAX_PERIOD}'))",
            f"for.within: at least {MIN_WINDOW}, at most {MAX_PERIOD}",
        ),
    )

    breached: Annotated[int, Field(ge=1, le=20)] = 2
    of: Annotated[int, Field(ge=1, le=20)] = 3
    within: Duration | None = None
    """Maximum age of evidence: windows that ended longer ago do not count. Default: twice `of` windows of the
    monitor plus its `labelDelay`, so that as many windows may be unknown as count."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.within is not None:
            check_period("within", self.within, least=MIN_WINDOW)
        return self


class Signal(SpecModel):
    """A monitor's metric that is a reason to train once it is breached in k of the last n known windows.

    Windows with the verdict `Unknown`, and windows older than `for.within`, do not count, neither way.
    """

    name: ShortName
    monitor: ObjectName
    metric: MonitoredName = MonitoredName.ACCURACY
    """One of the monitor's `metrics`."""
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
    """The annotation `mlops-operator.io/trigger` is a further, manual trigger of every policy."""
    guard: Guard = Guard()
    training: TrainingTemplate
    promote: Promote | None = None
    """Without it the version is made and nothing more."""
    suspend: bool = False
    """Nothing starts; what is under way goes on to its end."""


class PolicyPhase(StrEnum):
    """Summary of a RetrainPolicy's current state."""

    IDLE = "Idle"
    TRAINING = "Training"
    PROMOTING = "Promoting"
    SUSPENDED = "Suspended"
    HELD_BY_USER = "HeldByUser"
    CIRCUIT_OPEN = "CircuitOpen"


class PolicyReason(StrEnum):
    """Reasons of a RetrainPolicy's conditions."""

    IDLE = "Idle"
    """`Idle` is set while no training is in progress."""
    TRAINING = "Training"
    """`Training` is set while a TrainingJob of this policy is in progress."""
    PROMOTING = "Promoting"
    """`Promoting` is set while a Promotion of this policy is in progress."""
    SUSPENDED = reasons.SUSPENDED
    HELD_BY_USER = reasons.HELD_BY_USER
    """Signals and schedules start nothing until the resume annotation is set or the alias moves on."""
    CIRCUIT_OPEN = reasons.CIRCUIT_OPEN
    TRAINING_STALLED = "TrainingStalled"
    """`TrainingStalled` is set when the TrainingJob of this policy is `Stalled`. Until it ends nothing else starts."""
    MODEL_NOT_FOUND = reasons.MODEL_NOT_FOUND
    ALIAS_NOT_FOUND = reasons.ALIAS_NOT_FOUND
    MONITOR_NOT_FOUND = reasons.MONITOR_NOT_FOUND
    """The other triggers work."""
    INVALID_SCHEDULE = "InvalidSchedule"
    """`InvalidSchedule` is set when a schedule cannot be read, or never comes."""
    INVALID_SPEC = reasons.INVALID_SPEC
    INVALID_POD_TEMPLATE = reasons.INVALID_POD_TEMPLATE
    NAME_TAKEN = reasons.NAME_TAKEN
    FORBIDDEN = reasons.FORBIDDEN
    REFUSED = reasons.REFUSED
    TOO_LARGE = reasons.TOO_LARGE


class DecisionReason(StrEnum):
    """Why a training was started, or a trigger skipped."""

    SIGNAL_ACTIVE = "SignalActive"
    """`SignalActive` is set when a signal became active."""
    SCHEDULE_DUE = "ScheduleDue"
    """`ScheduleDue` is set when a moment of a schedule came."""
    MANUAL_TRIGGER = "ManualTrigger"
    """`ManualTrigger` is set when the trigger annotation was set."""
    COOLDOWN = "Cooldown"
    """`Cooldown` is set when the last start is more recent than `guard.cooldown`."""
    IN_FLIGHT = "InFlight"
    """`InFlight` is set when a training of this policy is in progress."""
    BACKOFF = "Backoff"
    """`Backoff` is set when the last training ended without a promotion, and `guard.backoff` has not passed yet."""
    CIRCUIT_OPEN = reasons.CIRCUIT_OPEN
    BUDGET_EXHAUSTED = "BudgetExhausted"
    """`BudgetExhausted` is set when `guard.budget` has no run left in the current period."""
    HELD_BY_USER = reasons.HELD_BY_USER
    STALE_EVIDENCE = reasons.STALE_EVIDENCE


class DecisionResult(StrEnum):
    """Result of a training that was started."""

    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    SUPERSEDED = "Superseded"
    HELD_BY_USER = "HeldByUser"
    """`HeldByUser` is set when the version is Ready, and a user moved the alias back during the training: the policy
    does not promote it."""
    TRAINED = "Trained"
    """`Trained` is set when the version is Ready and the policy has no `promote`."""
    TRAINING_FAILED = "TrainingFailed"
    VERSION_FAILED = "VersionFailed"
    PROMOTION_DELETED = "PromotionDeleted"


class DecisionOutcome(StrEnum):
    """What was decided, and later what came of it."""

    STARTED = "Started"
    SKIPPED = "Skipped"


class SignalReason(StrEnum):
    """Why a signal is active, not active or unknown."""

    BREACHED = "Breached"
    """`Breached` is set when enough of the windows that count are breached."""
    NOT_BREACHED = "NotBreached"
    """`NotBreached` is set when too few of the windows that count are breached."""
    TOO_FEW_WINDOWS = "TooFewWindows"
    """`TooFewWindows` is set when too few windows have a verdict, for example because of `TooFewSamples`."""
    STALE_EVIDENCE = reasons.STALE_EVIDENCE
    WITHIN_TOO_SHORT = "WithinTooShort"
    """`WithinTooShort` is set when `for.within` is shorter than the time that `for.breached` windows take."""
    MONITOR_NOT_FOUND = reasons.MONITOR_NOT_FOUND
    MONITOR_INVALID = "MonitorInvalid"
    """`MonitorInvalid` is set when the `window` of the ModelMonitor does not fit its definition."""
    NOTHING_SERVED = reasons.NOTHING_SERVED
    ROLLING_OUT = reasons.ROLLING_OUT


class SignalStatus(StatusModel):
    """A signal as it was last evaluated."""

    name: ShortName
    active: Truth
    reason: Annotated[str, Field(max_length=64)] = ""
    breached: int = 0
    """Number of breached windows among those that count."""
    known: int = 0
    """Number of windows that count, at most `for.of`."""
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
    training_job_uid: Uid = ""
    """UID of the TrainingJob, recorded at its end. An object created again under the name is not followed."""
    model_version: ObjectName | None = None
    model_version_uid: Uid = ""
    digest: Digest | None = None
    """Digest of the version's artifact."""
    promotion: ObjectName | None = None
    promotion_uid: Uid = ""
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


class Hold(StatusModel):
    """The user's Promotion because of which the policy starts nothing."""

    promotion: ObjectName
    promotion_uid: Annotated[str, Field(max_length=64)]
    version: ObjectName
    """The version that the alias points at since then."""
    since: Timestamp


class RetrainPolicyStatus(StatusBase):
    """Signals, decisions and the state of the guards."""

    signals: Annotated[tuple[SignalStatus, ...], Field(max_length=8), ListMap("name")] = ()
    decisions: Annotated[tuple[Decision, ...], Field(max_length=MAX_DECISIONS), ListMap("id")] = ()
    """The newest last; of a long history the skipped triggers go first."""
    last_started: Timestamp | None = None
    recent_starts: Annotated[tuple[Timestamp, ...], Field(max_length=MAX_RUNS)] = ()
    """Start times of the trainings in the current period of `guard.budget`, the newest last."""
    budget_used: Annotated[int, Field(ge=0)] = 0
    """Number of trainings started in the current period of `guard.budget`."""
    consecutive_failures: Annotated[int, Field(ge=0)] = 0
    """Number of trainings since the last promotion, or resume, that ended without one."""
    last_failure: Timestamp | None = None
    """End of the last of these trainings."""
    held_by: Hold | None = None
    """Set while the policy is `HeldByUser`."""
    resumed_promotion_uid: Annotated[str, Field(max_length=64)] = ""
    """UID of the Promotion whose hold was ended by the resume annotation."""
    handled_resume: Annotated[str, Field(max_length=256)] = ""
    """The last value of the resume annotation that was acted on; the digest of a long one."""
    schedules: Annotated[tuple[ScheduleStatus, ...], Field(max_length=8), ListMap("trigger")] = ()
    handled_trigger: Annotated[str, Field(max_length=256)] = ""
    """The last value of the trigger annotation that was acted on; the digest of a long one."""


RETRAIN_POLICY: Final = Kind(
    kind="RetrainPolicy",
    plural="retrainpolicies",
    short_names=("rp",),
    spec=RetrainPolicySpec,
    status=RetrainPolicyStatus,
    reasons=PolicyReason,
    description="When a model is trained again, and why it was not.",
    columns=(
        Column("Model", ".spec.model"),
        Column("Last-Decision", ".status.decisions[-1:].outcome"),
        Column("Why", ".status.decisions[-1:].reason"),
        Column("Started", ".status.lastStarted", type="date", wide=True),
    ),
)
