# SPDX-License-Identifier: Apache-2.0
"""What must hold for every kind, whatever happens."""

from collections.abc import Mapping

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.work.plan import Apply, Create, Delete, Patch
from tests.harness.kstatus import undocumented
from tests.harness.phases import PHASES, contradictions
from tests.unit.modelcheck.apiserver import Write
from tests.unit.modelcheck.items import Id, Item, owner_of
from tests.unit.modelcheck.process import Agenda, Process


def check_plan(process: Process, agenda: Agenda, unowned: frozenset[Resource]) -> None:
    """Children are ours, `unowned` kinds apart; what is patched or deleted is ours, and as it was observed."""
    for action in agenda.plan.actions:
        match action:
            case Create() | Apply():
                name = action.manifest["metadata"]["name"]
                if action.resource not in unowned:
                    assert owner_of(action.manifest) == agenda.obj.uid, f"{name} would not be owned by {agenda.obj.id}"
            case Patch() | Delete():
                seen = process.cache.get(Id(action.resource, action.name))
                what = f"{type(action).__name__} of {action.resource} {action.name}"
                assert seen is not None, f"{what}: it was not observed"
                assert action.uid == seen.uid, f"{what}: planned for UID {action.uid}, observed was {seen}"
                assert action.resource_version == str(seen.version), (
                    f"{what}: planned for version {action.resource_version}, observed was {seen}"
                )
                assert agenda.obj.uid in (seen.uid, seen.owner), f"{what}: {seen} is not ours"


def check_write(terminal: Mapping[Resource, frozenset[str]], write: Write) -> None:
    """Phase and conditions agree, a final phase stays, and observedGeneration does not go back."""
    if write.after is not None and write.id.resource.kind in PHASES:
        found = contradictions(write.id.resource.kind, _status(write.after))
        assert not found, f"{write.id}: {found}"
        assert (problem := undocumented(write.id.resource.kind, _status(write.after))) == "", problem
    if write.before is None or write.after is None or write.before.uid != write.after.uid:
        return
    before, after = _status(write.before), _status(write.after)
    final = terminal.get(write.id.resource, frozenset())
    if before.get("phase") in final:
        assert after.get("phase") == before["phase"], f"{write.id}: {before['phase']} became {after.get('phase')}"
    former, seen = before.get("observedGeneration", -1), after.get("observedGeneration", -1)
    assert seen >= former, f"{write.id}: observedGeneration went from {former} to {seen}"


def _status(item: Item) -> Manifest:
    status: Manifest = item.data.get("status") or {}
    return status
