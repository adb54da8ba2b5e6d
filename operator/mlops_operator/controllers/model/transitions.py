"""The events of a Model: an alias that moved or was dropped, a version that got its number."""

from collections.abc import Iterator
from typing import Final

from mlops_operator.api.model import AliasMove, ModelReason, ModelStatus
from mlops_operator.controllers.shared.events import event, transition_events
from mlops_operator.runtime.plan import Event

ACTION: Final = "Register"

_QUIET: Final = frozenset({ModelReason.RECONCILED, ModelReason.ALIAS_UNSET, ModelReason.BOOTSTRAPPING})
_WARNINGS: Final = frozenset({ModelReason.ALIAS_TARGET_MISSING, ModelReason.FORBIDDEN, ModelReason.RESTORE_PENDING})


def events(before: ModelStatus, after: ModelStatus) -> tuple[Event, ...]:
    """What is new in `after`."""
    return (
        *_aliases(before, after),
        *_versions(before, after),
        *transition_events(before, after, action=ACTION, quiet=_QUIET, warnings=_WARNINGS),
    )


def _aliases(before: ModelStatus, after: ModelStatus) -> Iterator[Event]:
    former = {entry.name: entry for entry in before.aliases}
    for entry in after.aliases:
        old = former.pop(entry.name, None)
        if entry.reason is AliasMove.RESTORED and (old is None or old.version_uid != entry.version_uid):
            message = f"{entry.name} was restored to {entry.version}, whose artifact has the digest {entry.digest}"
            yield event(warning=False, reason="AliasRestored", message=message, action=ACTION)
        elif old is None or old.promotion_uid != entry.promotion_uid:
            start = f"from {old.version} " if old else ""
            message = f"{entry.name} moved {start}to {entry.version} by the Promotion {entry.promotion}"
            yield event(warning=False, reason="AliasMoved", message=message, action="Promote")
    for name in former:
        yield event(
            warning=False, reason="AliasRemoved", message=f"{name} is no alias of the spec any more", action=ACTION
        )


def _versions(before: ModelStatus, after: ModelStatus) -> Iterator[Event]:
    for entry in after.versions:
        if entry.number > before.latest_version:
            message = f"{entry.name} is version {entry.number}"
            yield event(warning=False, reason="VersionAdded", message=message, action=ACTION)
