# SPDX-License-Identifier: Apache-2.0
"""The digest of what a run computes, as far as the spec says.

By it a later change of the spec is noticed, and a TrainingJob from a backup finds the version that it made.
"""

import hashlib
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.trainingjob.names import ANNOTATION_SPEC
from mlops_operator.runtime.work.quantities import canonical

AFTER_THE_END: Final = frozenset({"suspend", "ttl_seconds_after_finished"})
"""Fields that apply after the end, or ask for nothing then."""

_AT_ONCE: Final = AFTER_THE_END | {
    "backoff_limit",
    "disruption_limit",
    "data_deadline",
    "active_deadline_seconds",
    "task_pods",
}
"""Fields that do not decide what a run computes. They apply to a running attempt as soon as they are changed, or to
what follows it."""


def spec_text(spec: TrainingJobSpec, *, without: frozenset[str]) -> str:
    """The spec as canonical JSON.

    Defaults are left out and quantities are in their shortest spelling, so that it is the same for the spec as the user
    wrote it and as the API server stores it, also with a release that has more fields.
    """
    fields = spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True, exclude=set(without))
    return compact_json(canonical(fields))


def spec_digest(spec: TrainingJobSpec) -> str:
    """SHA-256 over the spec without its limits and `suspend`: the fields that an attempt keeps from its creation on."""
    return f"sha256:{hashlib.sha256(spec_text(spec, without=_AT_ONCE).encode()).hexdigest()}"


def recorded_digest(job: Manifest) -> str | None:
    """The digest of the spec that `job` was created from; None where the Job does not say."""
    recorded: str | None = (job["metadata"].get("annotations") or {}).get(ANNOTATION_SPEC)
    return recorded
