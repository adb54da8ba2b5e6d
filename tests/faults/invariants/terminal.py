# SPDX-License-Identifier: Apache-2.0
"""What is final stays as it is: the end of a TrainingJob, an Evaluation, a Promotion; what was found of a version."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlops_operator.api.conditions import READY, STALLED
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import REJECTED
from mlops_operator.api.promotion import TERMINAL as PROMOTION_ENDS
from mlops_operator.api.trainingjob import SPEC_CHANGE_IGNORED
from mlops_operator.controllers.evaluation.status import FINAL as EVALUATION_ENDS
from mlops_operator.controllers.modelversion.plan import FINAL as VERSION_ENDS
from mlops_operator.controllers.trainingjob.observed import TERMINAL as TRAINING_ENDS
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, PROMOTIONS, TRAINING_JOBS, Resource
from tests.faults.history import History
from tests.faults.invariants.steps import Step, condition, status_of, steps

ENDS: Final[Mapping[Resource, frozenset[str]]] = {
    TRAINING_JOBS: frozenset(TRAINING_ENDS),
    EVALUATIONS: frozenset(EVALUATION_ENDS),
    PROMOTIONS: frozenset(PROMOTION_ENDS),
}
"""The phases after which nothing of a status changes but the generation that it has seen and `SpecChangeIgnored`.

To the end of a TrainingJob folders are added whose files its Model removes; none is taken away again.
"""

REMOVED: Final = "removedFolders"


def check(history: History) -> Iterator[str]:
    """Every change of what was final."""
    for step in steps(history, *ENDS, MODEL_VERSIONS):
        if step.before is None or step.after is None:
            continue
        if step.change.resource == MODEL_VERSIONS:
            yield from _version(step, step.before, step.after)
        elif status_of(step.before).get("phase") in ENDS[step.change.resource]:
            yield from _frozen(step, status_of(step.before), status_of(step.after))


def _frozen(step: Step, before: Manifest, after: Manifest) -> Iterator[str]:
    then, now = _timeless(before), _timeless(after)
    known = then.pop(REMOVED, [])
    if now.pop(REMOVED, [])[: len(known)] != known:
        yield f"{step}: status.{REMOVED} lost a folder after the end: it was {known!r}"
    for field in sorted(then.keys() | now.keys()):
        if then.get(field) != now.get(field):
            yield (
                f"{step}: status.{field} changed after the end ({before['phase']}): "
                f"from {then.get(field)!r} to {now.get(field)!r}"
            )


def _timeless(status: Manifest) -> dict[str, Any]:
    """The status without the generations it has seen, and without what it says of a spec that was changed since."""
    fields = {name: value for name, value in status.items() if name != "observedGeneration"}
    fields["conditions"] = [
        {name: value for name, value in entry.items() if name != "observedGeneration"}
        for entry in status.get("conditions") or ()
        if entry["type"] != SPEC_CHANGE_IGNORED
    ]
    return fields


def _version(step: Step, before: Manifest, after: Manifest) -> Iterator[str]:
    then, now = status_of(before), status_of(after)
    if then.get("verifiedAt") is not None and then["verifiedAt"] != now.get("verifiedAt"):
        yield f"{step}: status.verifiedAt was {then['verifiedAt']!r} and became {now.get('verifiedAt')!r}"
    ended = condition(before, REJECTED).get("status") == "True" and condition(after, REJECTED).get("status") != "True"
    if ended and not any(entry["verdict"] == "Pass" and entry.get("recentAfter") for entry in now.get("gates") or ()):
        yield f"{step}: was Rejected and no longer is"
    reason = condition(before, READY).get("reason")
    final = condition(before, STALLED).get("status") == "True" and reason in VERSION_ENDS
    if final and condition(after, READY).get("reason") != reason:
        yield f"{step}: was stalled for good by {reason}, now says {condition(after, READY).get('reason')}"
