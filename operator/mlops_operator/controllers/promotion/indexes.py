# SPDX-License-Identifier: Apache-2.0
"""Look-ups of the Promotion controller, and which Promotions a change concerns.

No change wakes all Promotions of an alias. One supersedes the older ones, but only the newest of those that are in
its way is enqueued; when that one has ended, its own change enqueues the next. So n Promotions of an alias cost O(n)
plans.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mlops_operator.api.conditions import READY, condition_of
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.promotion import PromotionPhase, PromotionReason
from mlops_operator.controllers.shared.indexes import by_reference, key_of
from mlops_operator.controllers.shared.models import alias_targets, changed_aliases
from mlops_operator.controllers.shared.promotions import (
    OPEN_PROMOTIONS_BY_ALIAS,
    alias_value,
    by_alias,
    is_by_user,
    is_open,
    where,
)
from mlops_operator.kube.resources import MODELS, PROMOTIONS
from mlops_operator.runtime.cache.index import FactIndex, Index
from mlops_operator.runtime.cache.watch import World

_BY_THE_MODEL: Final = frozenset(
    {PromotionReason.MODEL_NOT_FOUND, PromotionReason.ALIAS_NOT_FOUND, PromotionReason.RESTORE_PENDING}
)


class Request(NamedTuple):
    """What a Promotion asks for.

    Attributes:
        created: creation time as metav1.Time, whole seconds in UTC, so that text order is time order.
        by_user: whether a user created it.
    """

    created: str
    by_user: bool
    name: str
    version: str


def can_be_superseded(obj: Manifest) -> bool:
    """Whether a newer Promotion ends this one.

    One that has passed its gate waits for the Model, and one without a Model or alias, or whose alias is to be
    restored, waits for that: all are enqueued by a change of the Model.
    """
    if not is_open(obj) or (obj.get("status") or {}).get("phase") == PromotionPhase.PROMOTING:
        return False
    return condition_of(obj, READY).get("reason") not in _BY_THE_MODEL


def request_of(obj: Manifest) -> Request:
    """What the Promotion asks for."""
    metadata, version = obj["metadata"], (obj.get("spec") or {}).get("version", "")
    return Request(metadata["creationTimestamp"], is_by_user(obj), metadata["name"], version)


REQUESTS_BY_ALIAS: Final = FactIndex(PROMOTIONS, "request", by_alias, request_of)
"""All Promotions of an alias, decided ones too, the newest last."""

SUPERSEDABLE_BY_ALIAS: Final = FactIndex(PROMOTIONS, "supersedable", where(can_be_superseded, by_alias), request_of)
OPEN_PROMOTIONS_BY_MODEL: Final = Index(PROMOTIONS, "open-model", where(is_open, by_reference("model")))
OPEN_PROMOTIONS_BY_VERSION: Final = Index(PROMOTIONS, "open-version", where(is_open, by_reference("version")))


def _alias(obj: Manifest) -> str:
    return next(iter(by_alias(obj)))


def newest_request(obj: Manifest, world: World) -> Request | None:
    """The newest Promotion of the alias, which may be `obj` itself."""
    requests = world.facts(REQUESTS_BY_ALIAS, _alias(obj))
    return requests[-1] if requests else None


def next_superseded(obj: Manifest, world: World) -> Iterator[Key]:
    """For a watch: of the alias's Promotions that the newest one supersedes, the newest."""
    newest = newest_request(obj, world)
    if newest is None:
        return
    for request in reversed(world.facts(SUPERSEDABLE_BY_ALIAS, _alias(obj))):
        if request.version != newest.version:
            yield Key(obj["metadata"]["namespace"], request.name)
            return


def next_superseded_if_ended(old: Manifest, new: Manifest, world: World) -> Iterator[Key]:
    """For `Watch.between`: the next one, where this one has just left or entered the ranks."""
    return next_superseded(new, world) if can_be_superseded(old) != can_be_superseded(new) else iter(())


def concerned_by_version(version: Manifest, world: World) -> Iterator[Key]:
    """For a watch: the open Promotions of a version that was created or deleted, and those that it is the baseline of.

    A gate that is under way does not notice that its baseline was deleted: its Job may never end.
    """
    namespace, name = key_of(version)
    yield from world.keys(OPEN_PROMOTIONS_BY_VERSION, str(key_of(version)))
    for model in by_reference("model")(version):
        key = Key(*model.split("/", 1))
        for alias, target in alias_targets(world.get(MODELS, key)).items():
            if target.version == name:
                yield from world.keys(OPEN_PROMOTIONS_BY_ALIAS, alias_value(namespace, key.name, alias))


def open_promotions_of_changed_aliases(old: Manifest, new: Manifest, world: World) -> Iterator[Key]:
    """For `Watch.between` on Models: the open Promotions of the aliases that were changed or moved."""
    namespace, name = key_of(new)
    for alias in changed_aliases(old, new):
        yield from world.keys(OPEN_PROMOTIONS_BY_ALIAS, alias_value(namespace, name, alias))
