# SPDX-License-Identifier: Apache-2.0
"""A trigger that fires, whichever its kind, and the decision that it becomes."""

from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.conditions import MAX_MESSAGE, timestamp
from mlops_operator.api.retrainpolicy import Decision, DecisionOutcome, DecisionReason, Evidence
from mlops_operator.api.retraintrigger import MANUAL
from mlops_operator.controllers.retrainpolicy.policies.guards import Objection
from mlops_operator.controllers.shared.naming import short_hash


@dataclass(frozen=True, kw_only=True)
class Firing:
    """One trigger at one moment.

    Attributes:
        moment: what it fires for; the same moment never starts two trainings.
        occasion: makes a repeated value of the annotation another moment.
        stale: why the evidence does not count, where it would be enough but for its age.
    """

    trigger: str
    moment: str
    reason: DecisionReason
    message: str
    evidence: tuple[Evidence, ...] = ()
    occasion: str = ""
    stale: str = ""

    @property
    def manual(self) -> bool:
        """Whether a person asked."""
        return self.trigger == MANUAL

    def started(self, *, policy_uid: str, now: datetime) -> Decision:
        """The decision to train."""
        return self._decision(
            short_hash(policy_uid, self.trigger, self.moment, self.occasion),
            DecisionOutcome.STARTED,
            self.reason,
            self.message,
            now,
        )

    def skipped(self, objection: Objection, *, policy_uid: str, now: datetime) -> Decision:
        """The decision not to, for this once."""
        return self._decision(
            short_hash(policy_uid, self.trigger, self.moment, self.occasion, objection.reason),
            DecisionOutcome.SKIPPED,
            objection.reason,
            f"{objection.message}; the trigger: {self.message}",
            now,
        )

    def _decision(
        self, identity: str, outcome: DecisionOutcome, reason: DecisionReason, message: str, now: datetime
    ) -> Decision:
        return Decision(
            id=identity,
            trigger=self.trigger,
            moment=self.moment,
            time=timestamp(now),
            outcome=outcome,
            reason=reason,
            message=message[:MAX_MESSAGE],
            evidence=self.evidence,
        )
