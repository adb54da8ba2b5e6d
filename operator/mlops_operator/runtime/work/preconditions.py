# SPDX-License-Identifier: Apache-2.0
"""The reads that must precede a plan's actions, because the cache may be behind the API server; pure.

A plan is computed from the cache. What a LIST or a watch reported may be old, above all after a restart, and each
resource may be old by a different amount. The answer to a request of this process is as new as everything that this
process has done, so an object in the version of such an answer is not read again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlops_operator.api.meta import Key, Manifest, controller_uid
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.work.answers import target
from mlops_operator.runtime.work.plan import Action, Apply, Create, Delete, Patch, Plan

Confirmed = Callable[[Resource, Key, str], bool]
"""Whether the last answer about an object was of exactly this resourceVersion."""


@dataclass(frozen=True)
class Unchanged:
    """The object must exist in exactly this version."""

    resource: Resource
    key: Key
    version: str

    def violation(self, found: Manifest | None, _cache: Cache) -> str:
        """Why the plan is outdated, given the object as it was read; empty where it is not."""
        if found is not None and found["metadata"]["resourceVersion"] == self.version:
            return ""
        return f"{self.resource} {self.key} changed after the plan was computed"


@dataclass(frozen=True)
class Absent:
    """No object of this name must exist.

    Attributes:
        owner: only an object that this UID controls counts, and only if its watch shows it; None for any object.
    """

    resource: Resource
    key: Key
    owner: str | None = None

    def violation(self, found: Manifest | None, cache: Cache) -> str:
        """Why the plan is outdated, given the object as it was read; empty where it is not."""
        if found is None:
            return ""
        if self.owner is not None and not (controller_uid(found) == self.owner and cache.selects(self.resource, found)):
            return ""  # an object that lost its labels stays invisible to the cache until it is applied again
        return f"{self.resource} {self.key} exists; the cache was stale"


Check = Unchanged | Absent


def checks(resource: Resource, obj: Manifest, plan: Plan, cache: Cache, confirmed: Confirmed) -> tuple[Check, ...]:
    """The reads that must precede the plan's actions, in order; each object is read once.

    Args:
        resource: the kind of the plan's own object.
        obj: the object in the version for which the plan was computed.
        plan: the plan.
        cache: what was known when the plan was computed.
        confirmed: what needs no read.
    """
    found: dict[tuple[Resource, Key], Check] = {}
    for check in _all(resource, obj, plan, cache, confirmed):
        found.setdefault((check.resource, check.key), check)
    return tuple(found.values())


def _all(resource: Resource, obj: Manifest, plan: Plan, cache: Cache, confirmed: Confirmed) -> Iterator[Check]:
    own = _unchanged(resource, obj)
    if any(_makes_again(action, cache) for action in plan.actions):
        # A child that vanished may have been deleted with its parent, whose own deletion another watch reports.
        yield own
    elif plan.depends_on or any(_needs_present_parent(own, action, cache) for action in plan.actions):
        yield from _unless_confirmed(own, confirmed)
    for kind, ground in plan.depends_on:
        yield from _unless_confirmed(_unchanged(kind, ground), confirmed)
    for kind, absent in plan.confirm_absent:
        if not cache.contains(kind, absent):  # a cached object of that name has another owner
            yield Absent(kind, absent)
    for action in plan.actions:
        if isinstance(action, Apply) and action.expect_exists:
            yield Absent(action.resource, Key(*target(action)), owner=controller_uid(action.manifest))


def _unchanged(resource: Resource, obj: Manifest) -> Unchanged:
    metadata = obj["metadata"]
    return Unchanged(resource, Key(metadata.get("namespace", ""), metadata["name"]), metadata["resourceVersion"])


def _unless_confirmed(check: Unchanged, confirmed: Confirmed) -> Iterator[Unchanged]:
    if not confirmed(check.resource, check.key, check.version):
        yield check


def _makes_again(action: Action, cache: Cache) -> bool:
    """Whether an action creates an object whose name was in use until recently."""
    if not isinstance(action, Create) or action.resource not in cache.stores:
        return False
    return cache.store(action.resource).recently_deleted(Key(*target(action)))


def _needs_present_parent(own: Unchanged, action: Action, cache: Cache) -> bool:
    """Whether an action is unsafe if the cached parent is stale.

    It changes or deletes an object that exists, which the present parent may use. Or it creates a child of a parent
    that only the first LIST reported: the child may have existed and may have been deleted permanently.
    """
    match action:
        case Delete() | Patch():
            return True
        case Apply() if cache.contains(action.resource, Key(*target(action))):
            return True
        case _:
            return cache.store(own.resource).only_from_initial_list(own.key)
