# SPDX-License-Identifier: Apache-2.0
"""The page with the kstatus result of each state of each kind, as Flux and Helm see it, with the reason.

The tests hold every status that they record against this table.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.docs.markdown import cell, code, section, table


class Kstatus(StrEnum):
    """The answers of kstatus for an object that exists."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"


class State(NamedTuple):
    """Reasons of `Ready` that kstatus answers alike.

    Attributes:
        reasons: of the condition `Ready`.
        kstatus: the answers; several where it depends on what `why` describes.
        why: the cause of the answer.
    """

    reasons: tuple[str, ...]
    kstatus: tuple[Kstatus, ...]
    why: str


CURRENT: Final = (Kstatus.CURRENT,)
IN_PROGRESS: Final = (Kstatus.IN_PROGRESS,)
FAILED: Final = (Kstatus.FAILED,)
EITHER: Final = (Kstatus.IN_PROGRESS, Kstatus.FAILED)

_POD: Final = (
    "ImageUnavailable",
    "VolumeNotFound",
    "ConfigUnavailable",
    "Unschedulable",
    "PodPending",
    "NodeLost",
    "RunsAsRoot",
)
_PODS: Final = State(_POD, IN_PROGRESS, "A pod does not run; it starts when what the message names is there.")
_SIDECAR: Final = State(
    ("SidecarRunning",), IN_PROGRESS, "A task has ended, but another container of its pod continues; see `taskPods`."
)
_RETRYING: Final = State(("Retrying",), IN_PROGRESS, "The operator tries again.")
_FORBIDDEN: Final = State(("Forbidden",), IN_PROGRESS, "Tried again each minute: a quota or a right may be given.")
_REFUSED: Final = State(
    ("InvalidPodTemplate", "NameTaken", "InvalidSpec", "Refused", "TooLarge"),
    FAILED,
    "The user has to change this or another object.",
)
_SUSPENDED: Final = State(("Suspended",), CURRENT, "As the spec asks.")


def _missing(*reasons: str) -> State:
    return State(reasons, IN_PROGRESS, "An object that it names does not exist yet; it goes on when it is applied.")


STATES: Final[Mapping[str, Sequence[State]]] = {
    "TrainingJob": (
        State(("Succeeded", "Restored"), CURRENT, "The run is over, well."),
        State(("Starting", "Running", "SidecarRunning"), IN_PROGRESS, "The run is what was asked for."),
        State(("BackingOff", "Disrupted"), IN_PROGRESS, "Another attempt follows."),
        State(("Suspended",), IN_PROGRESS, "The run has not ended; a queue or the user resumes it."),
        State(
            ("DataNotFound",),
            IN_PROGRESS,
            "The data are looked for until `dataDeadline`; a run without a result must not count as done.",
        ),
        _PODS,
        _FORBIDDEN,
        _missing("ModelNotFound", "ModelVersionNotFound", "OwnerNotFound", "RestorePending"),
        State(
            (
                "BackoffLimitExceeded",
                "DisruptionLimitExceeded",
                "DeadlineExceeded",
                "ResultInvalid",
                "DataCorrupt",
                "DataInvalid",
                "ConfigurationInvalid",
            ),
            FAILED,
            "The run is over, badly. A corrected run is another TrainingJob.",
        ),
        State(("GateDataDeclared",), FAILED, "The user has to change this or another object."),
        _REFUSED,
    ),
    "Model": (
        State(("Reconciled",), CURRENT, "Every alias points at a version."),
        State(("AliasUnset",), CURRENT, "Nothing has been promoted yet: that is up to trainings and Promotions."),
        State(("Bootstrapping",), IN_PROGRESS, "A first version is verified and measured."),
        State(("AliasTargetMissing",), IN_PROGRESS, "A Promotion of another version ends it."),
        State(("RestorePending",), IN_PROGRESS, "The version is restored when it exists and is verified."),
        State(("Forbidden",), *_FORBIDDEN[1:]),
        State(
            ("RestoreInvalid", "TooManyVersions", "InvalidSpec", "NameTaken", "Refused", "TooLarge"),
            FAILED,
            "The user has to change this or another object.",
        ),
    ),
    "ModelVersion": (
        State(("Verified",), CURRENT, "The artifact can be used. A rejection by a gate changes nothing of that."),
        State(("Verifying",), IN_PROGRESS, "The artifact is read and its digest computed."),
        State(("RemovalPending",), IN_PROGRESS, "The retention of the Model is about to remove the artifact."),
        State(("ArtifactRemoved",), FAILED, "The retention of the Model removed the artifact: use another version."),
        State(
            ("ArtifactNotFound", "VerificationFailed"), EITHER, "Checked again, unless the message states otherwise."
        ),
        _PODS,
        _SIDECAR,
        _RETRYING,
        _FORBIDDEN,
        _missing("ModelNotFound"),
        State(("ArtifactCorrupt",), FAILED, "The artifact is another one: create another ModelVersion."),
        State(
            ("InvalidPodTemplate", "Refused", "TooLarge"),
            EITHER,
            "The user has to change `taskPods`; then it is checked again.",
        ),
        State(("NameTaken", "InvalidSpec"), FAILED, "The user has to change this or another object."),
    ),
    "Evaluation": (
        State(("Measured", "TooFewNewRows"), CURRENT, "It has a verdict, whichever."),
        State(("Running",), IN_PROGRESS, "The Job measures."),
        State(("DataNotFound",), IN_PROGRESS, "Rows that come later are looked for, for 10 minutes."),
        _PODS,
        _SIDECAR,
        _RETRYING,
        _FORBIDDEN,
        _missing("ModelVersionNotFound", "ModelVersionNotReady", "ModelNotFound"),
        State(
            ("JobFailed", "ResultInvalid", "NoAbsoluteRule", "FormatUnsupported", "PromotionDecided"),
            FAILED,
            "It was not measured and never is. Create another one.",
        ),
        _REFUSED,
    ),
    "Promotion": (
        State(("Promoted", "AlreadyThere"), CURRENT, "The alias points at the version, or pointed at it then."),
        State(("GatePassed", "NoGate", "FormerVersion"), IN_PROGRESS, "The Model is about to move the alias."),
        State(("Evaluating", "RecordingResult"), IN_PROGRESS, "The gate measures."),
        State(
            ("DataNotFound",),
            IN_PROGRESS,
            "Rows of the gate that come later are looked for, for 10 minutes. Model and deployments are Current.",
        ),
        _FORBIDDEN,
        _missing(
            "ModelNotFound",
            "AliasNotFound",
            "ModelVersionNotFound",
            "ModelVersionNotReady",
            "OwnerNotFound",
            "RestorePending",
        ),
        State(
            (
                "GateFailed",
                "GateInconclusive",
                "VersionRejected",
                "BaselineMissing",
                "ModelMismatch",
                "ArtifactRemoved",
                "EvaluationFailed",
            ),
            FAILED,
            "The alias was not moved. Another version, or another Promotion, is up to the user.",
        ),
        State(("Superseded",), FAILED, "The alias was not moved by it and never is: remove it from Git."),
        State(
            ("NameTaken", "InvalidSpec", "Refused", "TooLarge"),
            FAILED,
            "The user has to change this or another object.",
        ),
    ),
    "ModelDeployment": (
        State(("Serving",), CURRENT, "The version that is wanted serves."),
        State(("ScaledToZero",), CURRENT, "As the spec asks."),
        State(
            ("AliasUnset",),
            (Kstatus.CURRENT, Kstatus.IN_PROGRESS),
            "Nothing has been promoted yet. InProgress while the Model is `Bootstrapping`. Wait for `ModelLoaded` where"
            " a served model is needed.",
        ),
        State(("RollingOut", "Loading", "ReplicasUnavailable"), IN_PROGRESS, "Servers start."),
        _PODS,
        _SIDECAR,
        _RETRYING,
        _FORBIDDEN,
        _missing("ModelNotFound", "AliasNotFound", "ModelVersionNotFound"),
        State(("ModelVersionNotReady",), EITHER, "It is verified, unless its spec cannot be read."),
        State(
            ("CandidateStopped",),
            EITHER,
            "The former version serves. InProgress if the new one is tried again.",
        ),
        State(
            (
                "ModelLoadFailed",
                "ServerCrashed",
                "InitContainerFailed",
                "ArtifactCorrupt",
                "ArtifactNotFound",
                "FetchFailed",
                "GoldenRequestsFailed",
                "GoldenCheckFailed",
                "CandidateUnavailable",
            ),
            EITHER,
            "A first version does not come to serve: Failed once it was stopped.",
        ),
        State(("ProgressDeadlineExceeded",), FAILED, "A first version is late. It serves if it becomes ready."),
        State(
            ("ModelMismatch", "NoRuntime", "InvalidAutoscaling"),
            FAILED,
            "The user has to change this or another object.",
        ),
        _REFUSED,
    ),
    "ModelMonitor": (
        State(("Monitoring",), CURRENT, "Windows are measured. A breach is the condition `Breached`."),
        State(("WaitingForWindow",), CURRENT, "The first window has not ended yet."),
        State(("NothingServed",), CURRENT, "There is nothing to measure before the deployment serves."),
        State(
            ("NoPredictionsYet",), CURRENT, "The model has had no requests yet; the next window reads the log again."
        ),
        _SUSPENDED,
        State(("JobFailed", "ResultInvalid"), IN_PROGRESS, "The last window was not measured; the next one is tried."),
        _PODS,
        _SIDECAR,
        _RETRYING,
        _FORBIDDEN,
        _missing("DeploymentNotFound"),
        State(
            ("ConfigurationInvalid",), EITHER, "The spec is wrong; InProgress only if it was changed after that window."
        ),
        _REFUSED,
    ),
    "RetrainPolicy": (
        State(("Idle",), CURRENT, "No trigger fires, with or without evidence."),
        State(("Training", "Promoting"), CURRENT, "It works; the TrainingJob and the Promotion have their own health."),
        State(("HeldByUser",), CURRENT, "As a user asked by moving the alias back."),
        _SUSPENDED,
        _FORBIDDEN,
        _missing("ModelNotFound", "AliasNotFound", "MonitorNotFound"),
        State(("CircuitOpen",), FAILED, "Several trainings in a row ended without a promotion: find out why."),
        State(("TrainingStalled",), FAILED, "Its TrainingJob needs a change by the user."),
        State(("InvalidSchedule",), FAILED, "The user has to change this or another object."),
        _REFUSED,
    ),
}
"""The kstatus result of each kind, by the reason of `Ready`."""

REASONS: Final[Mapping[str, type[StrEnum]]] = {kind.kind: kind.reasons for kind in KINDS}
"""Reasons of each kind's conditions."""

OF_OTHER_CONDITIONS: Final[Mapping[str, frozenset[str]]] = {
    "TrainingJob": frozenset({"Finished", "AttemptRunning"}),
    "ModelVersion": frozenset({"GateFailed", "NotRejected"}),
    "ModelDeployment": frozenset({"UpToDate", "NotDegraded", "Baking"}),
    "ModelMonitor": frozenset(
        {
            "WithinLimits",
            "BelowLimit",
            "AboveLimit",
            "TooFewSamples",
            "TooFewLabels",
            "NoData",
            "ReferenceIncomplete",
        }
    ),
}
"""Reasons that are never those of `Ready`."""

_RULES: Final = (
    "Flux (`wait: true`, health checks), Helm (`--wait`) and kpt judge an object by kstatus: `InProgress` while "
    "`status.observedGeneration` is behind or `Reconciling` is `True`, `Failed` when `Stalled` is `True`, otherwise "
    "`Current` when `Ready` is `True`. They succeed when every object is `Current`. `Failed` ends the wait of Flux at "
    "once, `InProgress` at its time limit."
)
_MEANING: Final = (
    "`Current` means that the operator has done what it can: what follows depends on others, such as requests to a "
    "model that has had none yet. `InProgress` is its own work, a run that has not ended, or an object that is "
    "missing. `Failed` needs a change by the user. Argo CD does not know kstatus: "
    "[GitOps](../how-to/gitops.md#argo-cd) has its health check. "
    "`InternalError`, a reason of every kind, is `Failed`."
)


def gaps(kind: str) -> set[str]:
    """Reasons that the kind or the table has, and the other has not."""
    named = {reason for state in STATES.get(kind, ()) for reason in state.reasons}
    return named ^ ({reason.value for reason in REASONS[kind]} - OF_OTHER_CONDITIONS.get(kind, frozenset()))


def health_page() -> str:
    """The page.

    Raises:
        ValueError: a reason of a kind is not in the table, or the reverse.
    """
    missing = {kind: sorted(gaps(kind)) for kind in REASONS if gaps(kind)}
    if missing:
        raise ValueError(
            f"codegen/docs/health.py: expected a state for each reason of Ready, and no other; found {missing}"
        )
    kinds = (section(kind, _table(states)) for kind, states in STATES.items())
    return "\n".join((section("Health by kstatus", _RULES, _MEANING, level=1), *kinds))


def _table(states: Sequence[State]) -> str:
    rows = [
        (", ".join(map(code, state.reasons)), " or ".join(state.kstatus), cell(state.why))
        for state in sorted(states, key=lambda state: list(Kstatus).index(state.kstatus[0]))
    ]
    return table(("reason of `Ready`", "kstatus", "why"), rows)
