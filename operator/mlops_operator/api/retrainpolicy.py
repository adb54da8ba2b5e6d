# SPDX-License-Identifier: Apache-2.0
"""RetrainPolicy: retrains a model on evidence, on a schedule or on request."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import Truth
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.meta import PREFIX
from mlops_operator.api.retrainguard import MAX_RUNS, Guard
from mlops_operator.api.retraintrigger import Signal, Trigger
from mlops_operator.api.schema import (
    CelRule,
    Digest,
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
"""Maximum number of decisions in the status."""

MIN_TTL: Final = 600
"""Minimum `ttlSecondsAfterFinished` of a TrainingJob, in seconds: the policy reads its outcome first."""

TRIGGER_ANNOTATION: Final = PREFIX + "trigger"
"""Manual trigger: a new value starts one training and bypasses every guard except the training in flight."""

RESUME_ANNOTATION: Final = PREFIX + "resume"
"""A new value ends a hold (`HeldByUser`), closes the circuit and resets the backoff."""


class TrainingTemplate(SpecModel):
    """Template of the TrainingJobs that the policy creates. The operator sets `model`."""

    spec: TrainingJobSpec


class Promote(SpecModel):
    """Promotion of the version that a training produces."""

    alias: ShortName
    """Alias that moves to the version."""


class RetrainPolicySpec(SpecModel):
    """Desired state of a RetrainPolicy."""

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
    """Name of the Model that is trained."""
    signals: Annotated[tuple[Signal, ...], Field(max_length=8), ListMap("name")] = ()
    """Metrics of ModelMonitors that triggers can name."""
    triggers: Annotated[tuple[Trigger, ...], Field(max_length=8), ListMap("name")] = ()
    """Events that start a training. The annotation `mlops-operator.io/trigger` is an additional, manual trigger of
    every policy."""
    guard: Guard = Guard()
    training: TrainingTemplate
    promote: Promote | None = None
    """Promotion of the version. Absent: the version is created and not promoted."""
    suspend: bool = False
    """Whether triggers are ignored. A training in progress continues to its end."""


class PolicyPhase(StrEnum):
    """Summary of the current state of a RetrainPolicy."""

    IDLE = "Idle"
    """`Idle` is set while no training is in progress."""
    TRAINING = "Training"
    """`Training` is set while a TrainingJob is in progress."""
    PROMOTING = "Promoting"
    """`Promoting` is set while a Promotion is in progress."""
    SUSPENDED = "Suspended"
    """`Suspended` is set while `spec.suspend` is true."""
    HELD_BY_USER = "HeldByUser"
    """`HeldByUser` is set after a user moved the alias back."""
    CIRCUIT_OPEN = "CircuitOpen"
    """`CircuitOpen` is set after too many consecutive failures."""


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
    """`Promoted` is set when the alias moved to the version."""
    REJECTED = "Rejected"
    """`Rejected` is set when the Promotion was rejected."""
    SUPERSEDED = "Superseded"
    """`Superseded` is set when another Promotion or a restore decided the alias."""
    HELD_BY_USER = "HeldByUser"
    """`HeldByUser` is set when the version is Ready, and a user moved the alias back during the training: the policy
    does not promote it."""
    TRAINED = "Trained"
    """`Trained` is set when the version is Ready and the policy has no `promote`."""
    TRAINING_FAILED = "TrainingFailed"
    """`TrainingFailed` is set when the TrainingJob failed or was deleted."""
    VERSION_FAILED = "VersionFailed"
    """`VersionFailed` is set when the ModelVersion was not created, failed its verification or was deleted."""
    PROMOTION_DELETED = "PromotionDeleted"
    """`PromotionDeleted` is set when the Promotion was deleted before its decision."""


class DecisionOutcome(StrEnum):
    """Whether a trigger started a training."""

    STARTED = "Started"
    """`Started` is set when the trigger started a training."""
    SKIPPED = "Skipped"
    """`Skipped` is set when a guard prevented the training."""


class SignalReason(StrEnum):
    """Reason why a signal is active, not active or unknown."""

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
    """Reason for the state of the signal."""
    breached: int = 0
    """Number of breached windows among those that count."""
    known: int = 0
    """Number of windows that count, at most `for.of`."""
    message: Text = ""
    """Explanation of the reason."""


class Evidence(StatusModel):
    """A window on which a decision is based."""

    window_end: Timestamp
    """End of the window."""
    version: ObjectName | None = None
    value: float | None = None
    """Value of the metric."""
    limit: float | None = None
    """Limit that the value was compared with."""
    n: int | None = None
    """Number of rows of the window."""


class Decision(StatusModel):
    """A trigger and the decision taken."""

    id: Annotated[str, Field(max_length=64)]
    """Hash of policy, trigger and moment. The same trigger always has the same id."""
    trigger: Annotated[str, Field(max_length=64)]
    """Name of the trigger."""
    moment: Annotated[str, Field(max_length=256)] = ""
    """Identity of the trigger event: the end of the newest window, the scheduled time, or the value of the
    annotation."""
    time: Timestamp
    """Time of the decision."""
    outcome: DecisionOutcome
    reason: Annotated[str, Field(max_length=64)]
    """Reason for the decision."""
    message: Text = ""
    """Explanation of the decision."""
    count: Annotated[int, Field(ge=1)] = 1
    """Number of consecutive times the trigger was skipped for this reason. The last time is recorded."""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()
    """Windows on which the decision is based."""
    training_job: ObjectName | None = None
    training_job_uid: Uid = ""
    """UID of the TrainingJob, recorded at its end. A recreated object with the same name is not tracked."""
    model_version: ObjectName | None = None
    model_version_uid: Uid = ""
    digest: Digest | None = None
    """Digest of the artifact of the version."""
    promotion: ObjectName | None = None
    promotion_uid: Uid = ""
    result: DecisionResult | None = None
    """Result of the training. Absent while it is in progress."""
    result_message: Text = ""
    """Explanation of the result."""
    completed_at: Timestamp | None = None
    """Time at which the training ended. Windows that ended before it do not trigger another training."""

    @property
    def open(self) -> bool:
        """Whether the training was started and is in progress."""
        return self.outcome is DecisionOutcome.STARTED and self.result is None


class ScheduleStatus(StatusModel):
    """Progress of a schedule."""

    trigger: ShortName
    schedule: Annotated[str, Field(max_length=256)]
    """The schedule and its time zone. A changed schedule starts from the time of the change."""
    last: Timestamp
    """Time up to which the schedule has been processed."""


class Hold(StatusModel):
    """The user's Promotion that suspends signals and schedules."""

    promotion: ObjectName
    promotion_uid: Annotated[str, Field(max_length=64)]
    """UID of the Promotion."""
    version: ObjectName
    """Version that the alias has pointed at since then."""
    since: Timestamp
    """Start of the hold."""


class RetrainPolicyStatus(StatusBase):
    """Observed state of a RetrainPolicy: signals, decisions and guards."""

    signals: Annotated[tuple[SignalStatus, ...], Field(max_length=8), ListMap("name")] = ()
    """State of each signal."""
    decisions: Annotated[tuple[Decision, ...], Field(max_length=MAX_DECISIONS), ListMap("id")] = ()
    """Latest decisions, the newest last. Skipped triggers are dropped first."""
    last_started: Timestamp | None = None
    """Time at which the last training started."""
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
    """Progress of each schedule."""
    handled_trigger: Annotated[str, Field(max_length=256)] = ""
    """The last value of the trigger annotation that was acted on; the digest of a long one."""


RETRAIN_POLICY: Final = Kind(
    kind="RetrainPolicy",
    plural="retrainpolicies",
    short_names=("rp",),
    spec=RetrainPolicySpec,
    status=RetrainPolicyStatus,
    reasons=PolicyReason,
    description="Retrains a model on evidence, on a schedule or on request, and records skipped triggers.",
    columns=(
        Column("Model", ".spec.model"),
        Column("Last-Decision", ".status.decisions[-1:].outcome"),
        Column("Why", ".status.decisions[-1:].reason"),
        Column("Started", ".status.lastStarted", type="date", wide=True),
    ),
)
