# SPDX-License-Identifier: Apache-2.0
"""The wiring of the Model controller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import stalled
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import ModelReason, ModelStatus
from mlops_operator.api.retention import RetentionStatus
from mlops_operator.controllers.model import retained
from mlops_operator.controllers.model import status as say
from mlops_operator.controllers.model.observed import observe
from mlops_operator.controllers.model.plan import plan, telling
from mlops_operator.controllers.model.render import removal_job_names
from mlops_operator.controllers.model.uses import USERS
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.gates import GATE_RESULTS_BY_MODEL, recorded_results
from mlops_operator.controllers.shared.indexes import (
    MODEL_VERSIONS_BY_MODEL,
    referred,
    referred_if_changed,
    version_fact,
)
from mlops_operator.controllers.shared.models import every_removal
from mlops_operator.controllers.shared.promotions import (
    OPEN_PROMOTIONS_BY_ALIAS,
    PASSED_GATES_BY_ALIAS,
    REJECTED_PROMOTIONS_BY_ALIAS,
    is_open,
    may_move,
    waits_for_data,
)
from mlops_operator.controllers.shared.watches import looked_up, managed_jobs
from mlops_operator.framework.rejections import RETRY, refusal
from mlops_operator.framework.specs import InvalidSpecError
from mlops_operator.framework.waiting import wait_for
from mlops_operator.kube.resources import (
    JOBS,
    MODEL_VERSIONS,
    MODELS,
    PODS,
    PROMOTIONS,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection

_WATCHED: Final = (PROMOTIONS, MODELS, TRAINING_JOBS)
_LOOKED_UP: Final = tuple(user.resource for user in USERS if user.resource not in _WATCHED)
"""Kinds whose objects use versions and wake no Model."""


def _standing(promotion: Manifest) -> object:
    """What a Model reads of a Promotion: whether it is open or lacks data, and from where it may move the alias."""
    status = promotion.get("status") or {}
    way = [status.get(name) for name in ("from", "fromUid", "candidate")] if may_move(promotion) else None
    return is_open(promotion), waits_for_data(promotion), may_move(promotion), way


def _version(version: Manifest) -> object:
    """What a Model reads of a ModelVersion: whether it can be offered, its gate results, and whose its files are."""
    return version_fact(version), recorded_results(version), (version.get("status") or {}).get("runFolder")


def _removed_folders(training: Manifest) -> object:
    """What a Model waits for of a TrainingJob; its end is looked at again within the hour."""
    return (training.get("status") or {}).get("removedFolders")


class ModelController:
    """Drives Models; see `plan.py`."""

    resource: Resource = MODELS
    indexes: Sequence[Index] = (
        MODEL_VERSIONS_BY_MODEL,
        OPEN_PROMOTIONS_BY_ALIAS,
        PASSED_GATES_BY_ALIAS,
        REJECTED_PROMOTIONS_BY_ALIAS,
        GATE_RESULTS_BY_MODEL,
        *retained.INDEXES,
    )
    watches: Sequence[Watch] = (
        Watch(resource=MODEL_VERSIONS, keys=referred("model"), between=referred_if_changed("model", part=_version)),
        Watch(resource=PROMOTIONS, keys=referred("model"), between=referred_if_changed("model", part=_standing)),
        managed_jobs(MODELS),
        Watch(
            resource=TRAINING_JOBS,
            keys=lambda _obj, _world: (),
            between=referred_if_changed("model", part=_removed_folders),
        ),
        # What uses versions is looked up when their files may be removed.
        *map(looked_up, _LOOKED_UP),
    )
    rules: Sequence[Rule] = (
        Rule(MODEL_VERSIONS, ("get", "list", "watch")),
        Rule(PROMOTIONS, ("get", "list", "watch", "create")),
        Rule(JOBS, ("get", "list", "watch", "create", "patch", "delete")),
        Rule(PODS, ("list",)),
        *(Rule(kind, ("get", "list", "watch")) for kind in (TRAINING_JOBS, *_LOOKED_UP)),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """None, but for removals: the pods of their Job, and what may use a version whose files are about to go."""
        return (*retained.wanted_reads(obj, world, now, settle=self._settings.removal_settle),)

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """See `plan.py`; a spec that cannot be read leaves numbers, aliases and files as they are."""
        try:
            observed = observe(obj, world, reads)
            found = plan(observed, self._settings, now)
            if observed.retained is None:
                return found
            at_work = {name for entry in every_removal(obj) for name in removal_job_names(obj, entry)}
            return with_cleanup(
                found,
                observed.retained.jobs,
                recorded=lambda job: job["metadata"]["name"] not in at_work,
                ttl=self._settings.finished_job_ttl,
                now=now,
            )
        except InvalidSpecError as error:
            status = ModelStatus.of(obj)
            return telling(status, say.say(obj, status, now, stalled(ModelReason.INVALID_SPEC, str(error))))

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """A bootstrap Promotion or a removal's Job was refused; the rest stays as it is until the next plan."""
        status = ModelStatus.of(obj)
        if rejection.action.resource == JOBS and status.retention is not None:
            return self._removal_refused(status, status.retention, rejection, now)
        about = "the API server refuses a bootstrap Promotion: "
        refused = refusal(rejection, spec_can_change=True, invalid=ModelReason.REFUSED, about=about)
        return replace(telling(status, say.say(obj, status, now, refused.outcome)), requeue_after=refused.retry_after)

    def _removal_refused(
        self, status: ModelStatus, retention: RetentionStatus, rejection: Rejection, now: datetime
    ) -> Plan:
        refused = refusal(rejection, spec_can_change=True, about="the API server refuses the Job that removes files: ")
        waiting = wait_for(retention.waiting, now, refused.outcome.reason, refused.outcome.message)
        after = status.replace(retention=retention.replace(waiting=waiting))
        return replace(telling(status, after), requeue_after=RETRY)
