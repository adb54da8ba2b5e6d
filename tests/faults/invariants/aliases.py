# SPDX-License-Identifier: Apache-2.0
"""An alias moves only by a Promotion whose passing gate was recorded before, from where that gate saw it.

Or it is restored: from nothing to a verified version with the digest that the spec declares.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mlops_operator.api.conditions import READY
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import MAX_ALIAS_HISTORY, AliasMove
from mlops_operator.api.promotion import GATE_PASSED, PromotionReason
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.faults.history import History
from tests.faults.invariants.steps import Step, by, condition, controller, status_of, steps

_TERM = ("version", "versionUid", "digest", "reason", "promotion", "promotionUid", "since")


@dataclass
class _Records:
    """What has been recorded so far.

    Attributes:
        passed: by UID, the latest state of each Promotion in which its gate was passed.
        judged: by UID of the Promotion and name, the Evaluations that have a passing verdict.
        ungated: UID of the Model and alias wherever a spec has declared the alias without a gate.
        moved: UID of the Model, alias and UID of the Promotion of every move.
        recorded: UIDs of the Evaluations whose passing result a ModelVersion has recorded.
        verified: name, UID and digest of the ModelVersions that were Ready.
        restores: UID of the Model, alias, version and digest wherever a spec has declared a restore.
    """

    passed: dict[str, Manifest] = field(default_factory=dict)
    judged: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    ungated: set[tuple[str, str]] = field(default_factory=set)
    moved: set[tuple[str, str, str]] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    verified: set[tuple[str, str, str]] = field(default_factory=set)
    restores: set[tuple[str, str, str, str]] = field(default_factory=set)


def check(history: History) -> Iterator[str]:
    """Every move of an alias without evidence, and every loss of where it pointed before."""
    records = _Records()
    for step in steps(history, MODELS, PROMOTIONS, EVALUATIONS, MODEL_VERSIONS):
        if step.change.resource == PROMOTIONS:
            if condition(step.object, GATE_PASSED).get("status") == "True":
                records.passed[step.uid] = step.object
        elif step.change.resource == MODEL_VERSIONS:
            results = status_of(step.object).get("gates") or ()
            records.recorded |= {entry["evaluationUid"] for entry in results if entry["verdict"] == "Pass"}
            if condition(step.object, READY).get("status") == "True" and (digest := _digest(step.object)) is not None:
                records.verified.add((step.object["metadata"]["name"], step.uid, digest))
        elif step.change.resource == EVALUATIONS:
            owner = controller(step.object)
            if owner is not None and status_of(step.object).get("verdict") == "Pass":
                records.judged[owner["uid"], step.object["metadata"]["name"]] = step.object
        elif step.after is not None:
            yield from _model(step, step.after, records)


def _model(step: Step, model: Manifest, records: _Records) -> Iterator[str]:
    declared = by(model["spec"].get("aliases"), "name")
    records.ungated |= {(step.uid, name) for name, alias in declared.items() if not alias.get("gate")}
    records.restores |= {
        (step.uid, name, alias["restore"]["version"], alias["restore"]["digest"])
        for name, alias in declared.items()
        if alias.get("restore")
    }
    before = by(status_of(step.before).get("aliases"), "name") if step.before is not None else {}
    after = by(status_of(model).get("aliases"), "name")
    for name in before.keys() - after.keys():
        if name in declared:
            yield f"{step}: the alias {name} is declared, pointed at {before[name]['version']}, and points at nothing"
    for name, entry in after.items():
        former = before.get(name)
        if former is not None and _decision(former) == _decision(entry):
            if former != entry:
                yield f"{step}: the alias {name} changed without a Promotion from {former} to {entry}"
            continue
        yield from (
            f"{step}: the alias {name} moved {_way(former, entry)}, but {why}"
            for why in _objections(step, name, former, entry, records)
        )
        if "promotionUid" in entry:
            records.moved.add((step.uid, name, entry["promotionUid"]))


def _digest(version: Manifest) -> str | None:
    digest: str | None = ((version.get("spec") or {}).get("artifact") or {}).get("digest")
    return digest


def _decision(entry: Manifest) -> tuple[str, str]:
    """What moved the alias: a Promotion, or the restore to a version."""
    return entry.get("promotionUid", ""), "" if "promotionUid" in entry else entry["versionUid"]


def _way(former: Manifest | None, entry: Manifest) -> str:
    start = f"from {former['version']} " if former is not None else ""
    by = f"the Promotion {entry['promotion']}" if "promotion" in entry else "a restore"
    return f"{start}to {entry['version']} by {by}"


def _objections(step: Step, name: str, former: Manifest | None, entry: Manifest, records: _Records) -> Iterator[str]:
    """Why an alias should not have moved."""
    if entry.get("reason") == AliasMove.RESTORED:
        yield from _unrestorable(step, name, former, entry, records)
        return
    uid = entry["promotionUid"]
    if (step.uid, name, uid) in records.moved:
        yield "that one had moved it before"
    if entry.get("history", []) != _history(former):
        yield f"its history is {entry.get('history', [])}, not {_history(former)}"
    promotion = records.passed.get(uid)
    if promotion is None:
        yield "no passing gate was recorded in it before"
        return
    asked = {"model": step.object["metadata"]["name"], "alias": name, "version": entry["version"]}
    found = {field: promotion["spec"].get(field) for field in asked}
    if found != asked:
        yield f"that one asks for {found}"
    start = former["version"] if former is not None else None
    if status_of(promotion).get("from") != start:
        yield f"its gate was passed against {status_of(promotion).get('from')}"
    candidate = status_of(promotion).get("candidate") or {}
    if found == asked and (entry.get("versionUid"), entry.get("digest")) != (
        candidate.get("uid"),
        candidate.get("digest"),
    ):
        yield f"its gate let {candidate} through"
    yield from _evidence(step, name, former, promotion, records)


def _unrestorable(step: Step, name: str, former: Manifest | None, entry: Manifest, records: _Records) -> Iterator[str]:
    """Why an alias should not have been restored."""
    if former is not None:
        yield "it pointed at something"
    if (step.uid, name, entry["version"], entry["digest"]) not in records.restores:
        yield "no spec declared that"
    if (entry["version"], entry["versionUid"], entry["digest"]) not in records.verified:
        yield "no such version was verified before"
    if "promotion" in entry or entry.get("history"):
        yield f"it has a Promotion or a history: {entry}"


def _history(former: Manifest | None) -> list[Manifest]:
    """The history that follows when an alias moves away from `former`."""
    if former is None:
        return []
    term = {field: former[field] for field in _TERM if field in former}
    return [term, *former.get("history", [])][:MAX_ALIAS_HISTORY]


def _evidence(step: Step, name: str, former: Manifest | None, promotion: Manifest, records: _Records) -> Iterator[str]:
    """What is wrong with the reason why the gate was passed."""
    reason, status, version = (
        condition(promotion, GATE_PASSED)["reason"],
        status_of(promotion),
        promotion["spec"]["version"],
    )
    if reason == PromotionReason.FORMER_VERSION:
        terms = [term.get("versionUid") for term in (former or {}).get("history", [])]
        if status.get("candidate", {}).get("uid") not in terms or not status.get("rollback"):
            yield f"it is no rollback: the alias pointed before at {terms}"
    elif reason == PromotionReason.NO_GATE:
        if (step.uid, name) not in records.ungated:
            yield "the alias has a gate, which was not asked"
    elif reason == PromotionReason.GATE_PASSED:
        evaluation = records.judged.get((promotion["metadata"]["uid"], status.get("evaluation", "")))
        if status.get("verdict") != "Pass" or evaluation is None:
            yield f"no Evaluation of it has passed: {status.get('evaluation')}, verdict {status.get('verdict')}"
            return
        compared = (evaluation["spec"].get("candidate"), evaluation["spec"].get("baseline"))
        # A baseline that was deleted is none: then `baseline` is absent though the alias points somewhere.
        if compared != (version, (status.get("baseline") or {}).get("name")):
            yield f"its Evaluation compared {compared[0]} with {compared[1]}"
        if evaluation["metadata"]["uid"] not in records.recorded:
            yield "no ModelVersion had recorded the result"
    else:
        yield f"its gate was passed by {reason}, which moves nothing"
