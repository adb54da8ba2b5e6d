# SPDX-License-Identifier: Apache-2.0
"""What is done about a Model: versions get numbers, Promotions move aliases, empty aliases are offered a version.

Aliases live in `status`: the spec is the person's own, and a GitOps tool sees no drift.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from mlops_operator.api.model import Alias, AliasStatus, ModelStatus
from mlops_operator.api.retention import RetentionStatus
from mlops_operator.controllers.model import status as say
from mlops_operator.controllers.model.observed import Observed
from mlops_operator.controllers.model.policies.aliases import moved, next_move, restored
from mlops_operator.controllers.model.policies.bootstrap import is_under_way, offer
from mlops_operator.controllers.model.policies.numbering import Numbers, number
from mlops_operator.controllers.model.policies.rejections import with_rejections
from mlops_operator.controllers.model.removal import next_step
from mlops_operator.controllers.model.removal_work import Step
from mlops_operator.controllers.model.render import bootstrap_name, render_bootstrap
from mlops_operator.controllers.model.situation import Situation
from mlops_operator.controllers.model.transitions import events
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.gates import RecordedResult
from mlops_operator.controllers.shared.indexes import VersionFact
from mlops_operator.framework.rejections import standing_refusal
from mlops_operator.kube.resources import PROMOTIONS
from mlops_operator.runtime.work.plan import Action, Create, Plan


def plan(obs: Observed, settings: Settings, now: datetime) -> Plan:
    """The plan for one observation."""
    numbers = number(obs.status.versions, obs.status.latest_version, obs.versions)
    aliases = _aliases(obs, now)
    step = _retention(obs, aliases, settings, now)
    changed = obs.status.replace(
        aliases=aliases,
        versions=numbers.versions,
        latest_version=numbers.latest,
        rejections=with_rejections(obs.status.rejections, _final(obs, aliases)),
        retention=step.status,
    )
    actions: tuple[Action, ...] = ()
    outcome = say.outcome_of(obs, aliases, numbers, under_way=_under_way(obs, aliases, numbers))
    # Facts first: a refused child must not keep a number, an alias or a removal from being written.
    if changed == obs.status:
        actions = step.actions
        if offers := _offers(obs, aliases, numbers):
            refusal = standing_refusal(obs.status, generation=obs.obj["metadata"]["generation"])
            outcome, actions = (refusal, actions) if refusal else (outcome, (*offers, *actions))
    told = telling(obs.status, say.say(obs.obj, changed, now, outcome), actions=actions)
    return replace(told, requeue_after=step.requeue_after, confirm_absent=step.confirm_absent if actions else ())


def telling(before: ModelStatus, after: ModelStatus, *, actions: tuple[Action, ...] = ()) -> Plan:
    """A plan that writes `after` and tells what is new in it."""
    return Plan(actions=actions, status=after.to_manifest(), events=events(before, after))


def _retention(obs: Observed, aliases: tuple[AliasStatus, ...], settings: Settings, now: datetime) -> Step:
    if obs.retained is None:
        return Step(status=obs.status.retention)
    situation = Situation(
        obj=obs.obj,
        policy=obs.spec.retention,
        former=obs.status.retention or RetentionStatus(),
        retained=obs.retained,
        aliases=aliases,
        settings=settings,
    )
    return next_step(situation, now)


def _aliases(obs: Observed, now: datetime) -> tuple[AliasStatus, ...]:
    """The aliases of the spec that point at something, each moved at most once.

    While an alias is to be restored by its spec, no Promotion moves it.
    """
    current = {entry.name: entry for entry in obs.status.aliases}
    uid = obs.obj["metadata"]["uid"]
    result = []
    for alias in obs.spec.aliases:
        entry, restoration = current.get(alias.name), obs.restorations.get(alias.name)
        if restoration is not None and restoration.version is not None:
            result.append(restored(alias.name, entry, restoration.version, now, model_uid=uid))
            continue
        if restoration is not None and entry is None:
            continue
        promotion = next_move(entry, obs.passed.get(alias.name, ()), ready=obs.ready)
        if promotion is not None:
            result.append(moved(alias.name, entry, promotion, now, model_uid=uid))
        elif entry is not None:
            result.append(entry)
    return tuple(result)


def _final(obs: Observed, aliases: tuple[AliasStatus, ...]) -> list[RecordedResult]:
    """The results whose Promotions are decided.

    A Promotion that is open still writes its end or moves the alias, so that its result costs no write of its own.
    """
    moved_by = {entry.promotion_uid for entry in aliases}
    return [entry for entry in obs.results if entry.promotion_uid in moved_by or entry.promotion_uid not in obs.open]


def _offers(obs: Observed, aliases: tuple[AliasStatus, ...], numbers: Numbers) -> tuple[Action, ...]:
    actions = []
    for alias in _empty(obs, aliases):
        version = _offered(obs, alias, numbers)
        if version is not None:
            actions.append(Create(resource=PROMOTIONS, manifest=render_bootstrap(obs.obj, alias, version)))
    return tuple(actions)


def _empty(obs: Observed, aliases: Sequence[AliasStatus]) -> Iterator[Alias]:
    """Aliases that point at nothing and are offered versions."""
    pointing = {entry.name for entry in aliases}
    return (
        alias for alias in obs.spec.aliases if alias.bootstrap and alias.restore is None and alias.name not in pointing
    )


def _offered(obs: Observed, alias: Alias, numbers: Numbers) -> VersionFact | None:
    """The version that the alias is offered next; None while a Promotion of it is not decided."""
    if alias.name in obs.undecided:
        return None
    name = partial(bootstrap_name, obs.obj, alias)
    return offer(numbers.versions, obs.versions, obs.offers, name, refused=obs.refused)


def _under_way(obs: Observed, aliases: Sequence[AliasStatus], numbers: Numbers) -> list[str]:
    """Aliases that point at nothing and may soon point at a version, without an act of the user."""
    return [
        alias.name
        for alias in _empty(obs, aliases)
        if is_under_way(
            obs.versions,
            deciding=alias.name in obs.undecided - obs.without_data,
            left=_offered(obs, alias, numbers),
            refused=obs.refused,
        )
    ]
