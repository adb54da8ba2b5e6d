"""RetrainPolicy: when a model is trained again, and why it was not."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

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
)
from mlops_operator.api.trainingjob import TrainingJobSpec

MAX_DECISIONS: Final = 20

TRIGGER_ANNOTATION: Final = PREFIX + "trigger"
"""Set by a person to any new value, this starts a training past the cooldown: the manual trigger."""


class ForWindows(SpecModel):
    """How often a monitor must have been breached: `k` of the last `n` measured windows."""

    rules = (CelRule("self.k <= self.n", "for: k must not exceed n"),)

    k: Annotated[int, Field(ge=1, le=20)] = 2
    n: Annotated[int, Field(ge=1, le=20)] = 3


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
    time_zone: Annotated[str, Field(max_length=64)] = "Etc/UTC"


class Trigger(SpecModel):
    """What starts a training."""

    rules = (CelRule("has(self.signal) != has(self.cron)", "triggers: set exactly one of signal and cron"),)

    name: ShortName
    signal: ShortName | None = None
    """Name of one of `signals`."""
    cron: CronTrigger | None = None


class Guard(SpecModel):
    """What keeps a trigger from starting a training."""

    cooldown: Duration = "1h"
    """Least time between the starts of two trainings; a manual trigger does not wait for it."""


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


class PolicyPhase(StrEnum):
    """One word on a RetrainPolicy."""

    IDLE = "Idle"
    TRAINING = "Training"
    PROMOTING = "Promoting"
    SUSPENDED = "Suspended"


class PolicyReason(StrEnum):
    """Reasons of a RetrainPolicy's conditions and decisions."""

    IDLE = "Idle"
    TRAINING = "Training"
    PROMOTING = "Promoting"
    SUSPENDED = "Suspended"
    MODEL_NOT_FOUND = "ModelNotFound"
    ALIAS_NOT_FOUND = "AliasNotFound"
    MONITOR_NOT_FOUND = "MonitorNotFound"
    INVALID_SCHEDULE = "InvalidSchedule"
    INVALID_POD_TEMPLATE = "InvalidPodTemplate"
    FORBIDDEN = "Forbidden"
    NAME_TAKEN = "NameTaken"
    COOLDOWN = "Cooldown"
    IN_FLIGHT = "InFlight"


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
    time: Timestamp
    outcome: DecisionOutcome
    reason: Annotated[str, Field(max_length=64)]
    message: Text = ""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()
    training_job: ObjectName | None = None
    model_version: ObjectName | None = None
    promotion: ObjectName | None = None
    result: Annotated[str, Field(max_length=64)] = ""
    """How it ended: `Promoted`, `Rejected`, `TrainingFailed`, ..."""


class RetrainPolicyStatus(StatusBase):
    """Signals and decisions."""

    signals: Annotated[tuple[SignalStatus, ...], Field(max_length=8), ListMap("name")] = ()
    decisions: Annotated[tuple[Decision, ...], Field(max_length=MAX_DECISIONS), ListMap("id")] = ()
    """The newest last."""
    last_started: Timestamp | None = None
    last_scheduled: Timestamp | None = None
    """The last moment of a schedule that was looked at."""
    handled_trigger: Annotated[str, Field(max_length=256)] = ""
    """The last value of the trigger annotation that was acted on."""


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
