# SPDX-License-Identifier: Apache-2.0
"""A Model as others see it; only the entry that is asked for is read, since a Model has many versions."""

from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError

from mlops_operator.api.conditions import RECONCILING, condition_of
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Alias, AliasStatus, ModelReason, Rejection, Restore
from mlops_operator.api.retention import AnyRemoval, Removal, RunRemoval
from mlops_operator.controllers.shared.stores import training_folders


def declared_alias(model: Manifest | None, name: str) -> Alias | None:
    """The alias as the Model declares it; None where it does not, or not in a way that can be read."""
    for entry in ((model or {}).get("spec") or {}).get("aliases") or ():
        if entry.get("name") == name:
            try:
                return Alias.model_validate(entry)
            except ValidationError:
                return None  # the Model itself says what is wrong with its spec
    return None


def pointing_alias(model: Manifest | None, name: str) -> AliasStatus | None:
    """Where the alias points and pointed; None where it never did."""
    for entry in _pointing(model):
        if entry.get("name") == name:
            return AliasStatus.model_validate(entry)
    return None


def wanted_restore(
    alias: Alias, entry: AliasStatus | None, *, model_uid: str, present: Container[str]
) -> Restore | None:
    """The version that the alias is to be restored to; None where it is not to be restored.

    Args:
        alias: as the spec declares it.
        entry: where the status says that it points.
        model_uid: of this Model.
        present: UIDs of its versions.
    """
    if entry is None:
        return alias.restore
    foreign = entry.model_uid not in ("", model_uid)
    if not foreign or entry.digest is None or entry.version_uid in present:
        return None
    return Restore(version=entry.version, digest=entry.digest)


def restoring_aliases(model: Manifest | None) -> tuple[str, ...]:
    """Names of the aliases that the Model declares and is about to restore."""
    declared = ((model or {}).get("spec") or {}).get("aliases") or ()
    pointing = {entry.get("name") for entry in _pointing(model)}
    return tuple(entry["name"] for entry in declared if entry.get("restore") and entry["name"] not in pointing)


def rejections_of(model: Manifest | None, digest: str) -> tuple[Rejection, ...]:
    """What the Model remembers of an artifact that failed its gates, the oldest first."""
    return tuple(Rejection.model_validate(entry) for entry in _rejections(model) if entry.get("digest") == digest)


def changed_rejections(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Digests of the artifacts of which two states of a Model do not remember the same rejections."""
    before, after = _rejections(old), _rejections(new)
    if before == after:
        return ()
    changed = [entry for entry in before if entry not in after] + [entry for entry in after if entry not in before]
    return tuple(sorted({entry["digest"] for entry in changed}))


class AliasTarget(NamedTuple):
    """The object that an alias points at; the UID is empty where it was not recorded."""

    version: str
    uid: str


def alias_targets(model: Manifest | None) -> dict[str, AliasTarget]:
    """The versions that the aliases point at, by alias."""
    return {entry["name"]: AliasTarget(entry["version"], entry.get("versionUid") or "") for entry in _pointing(model)}


@dataclass(frozen=True)
class VersionInModel:
    """What a Model says of one version.

    Attributes:
        number: None where it has none yet.
        aliases: those that point at it, by name.
        removal: the removal of its files, or None.
        retention: whether the Model has a retention policy.
    """

    number: int | None = None
    aliases: tuple[str, ...] = ()
    removal: AnyRemoval | None = None
    retention: bool = False


def version_in_model(model: Manifest, *, name: str, uid: str, uri: str = "") -> VersionInModel:
    """What the Model says of the version with this name and UID, whose artifact is at `uri`."""
    numbered = (model.get("status") or {}).get("versions") or ()
    number = next((entry["number"] for entry in numbered if entry["uid"] == uid), None)
    target = AliasTarget(name, uid)
    aliases = tuple(sorted(alias for alias, at in alias_targets(model).items() if at == target))
    retention = bool((model.get("spec") or {}).get("retention"))
    return VersionInModel(number, aliases, _removal(model, uid, uri), retention)


def _removal(model: Manifest, uid: str, uri: str) -> AnyRemoval | None:
    """The removal of a version, or the one at work in the folder of its artifact, which another object has."""
    for entry in every_removal(model):
        if entry.identity == uid or (entry.started_at is not None and entry.folder in training_folders(uri)):
            return entry
    return None


def removals_of(model: Manifest | None) -> tuple[Removal, ...]:
    """The removals of files of versions that are at work."""
    entries = _retention(model).get("removals") or ()
    return tuple(Removal.model_validate(entry) for entry in entries)


def run_removals_of(model: Manifest | None) -> tuple[RunRemoval, ...]:
    """The removals of files of runs that made no version, which are at work."""
    entries = (_retention(model).get("runs") or {}).get("removals") or ()
    return tuple(RunRemoval.model_validate(entry) for entry in entries)


def every_removal(model: Manifest) -> tuple[AnyRemoval, ...]:
    """The removals at work, those of versions first."""
    return (*removals_of(model), *run_removals_of(model))


def changed_runs(old: Manifest, new: Manifest) -> frozenset[str]:
    """Names of the TrainingJobs of which two states of a Model have other removals."""
    return frozenset(entry.training_job for entry in set(run_removals_of(old)) ^ set(run_removals_of(new)))


def _retention(model: Manifest | None) -> Manifest:
    return ((model or {}).get("status") or {}).get("retention") or {}


def changed_versions(old: Manifest, new: Manifest) -> frozenset[str]:
    """Names of the versions of which two states of a Model differ: number, alias or removal."""
    before, after = alias_targets(old), alias_targets(new)
    moved = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    targets = {entry[name].version for entry in (before, after) for name in moved if name in entry}
    removals = set(removals_of(old)) ^ set(removals_of(new))
    return frozenset(
        targets | {name for _, name, _ in _numbers(old) ^ _numbers(new)} | {entry.version for entry in removals}
    )


def _numbers(model: Manifest) -> set[tuple[str, str, int]]:
    return {
        (entry["uid"], entry["name"], entry["number"]) for entry in (model.get("status") or {}).get("versions") or ()
    }


def began_retention(old: Manifest, new: Manifest) -> bool:
    """Whether the Model has a retention policy and had none."""
    return bool((new.get("spec") or {}).get("retention")) and not (old.get("spec") or {}).get("retention")


def changed_aliases(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """The aliases whose declaration, target or history differs between two states of a Model, by name."""
    before, after = _by_name(old), _by_name(new)
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


def bootstrapping_aliases(model: Manifest | None) -> frozenset[str]:
    """The aliases of a Model that point at nothing and may soon point at a first version, by its own word."""
    if model is None or condition_of(model, RECONCILING).get("reason") != ModelReason.BOOTSTRAPPING:
        return frozenset()
    declared = (model.get("spec") or {}).get("aliases") or ()
    pointing = {entry.get("name") for entry in _pointing(model)}
    return frozenset(entry["name"] for entry in declared if entry.get("bootstrap") and entry["name"] not in pointing)


def _pointing(model: Manifest | None) -> list[Manifest]:
    return ((model or {}).get("status") or {}).get("aliases") or []


def _rejections(model: Manifest | None) -> list[Manifest]:
    return ((model or {}).get("status") or {}).get("rejections") or []


def _by_name(model: Manifest) -> dict[str, tuple[Manifest | None, Manifest | None]]:
    declared = {entry["name"]: entry for entry in (model.get("spec") or {}).get("aliases") or ()}
    pointing = {entry["name"]: entry for entry in _pointing(model)}
    return {name: (declared.get(name), pointing.get(name)) for name in declared.keys() | pointing.keys()}
