# SPDX-License-Identifier: Apache-2.0
"""What a step of the removal of artifacts is decided by."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import AliasStatus
from mlops_operator.api.retention import Retention, RetentionMode, RetentionStatus
from mlops_operator.controllers.model.retained import Retained
from mlops_operator.controllers.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A Model whose versions' files are looked at.

    Attributes:
        obj: the Model.
        policy: its retention policy, if it has one.
        former: what its status says of the retention.
        retained: its versions and their uses.
        aliases: where its aliases point after this plan.
    """

    obj: Manifest
    policy: Retention | None
    former: RetentionStatus
    retained: Retained
    aliases: Sequence[AliasStatus]
    settings: Settings

    @property
    def removes(self) -> bool:
        """Whether versions that were listed for long enough are removed."""
        return self.policy is not None and self.policy.mode is RetentionMode.REMOVE
