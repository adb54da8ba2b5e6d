# SPDX-License-Identifier: Apache-2.0
"""All that the plan of a Model sees."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import READY, condition_of
from mlops_operator.api.meta import Key, Manifest, controller_uid
from mlops_operator.api.model import Alias, ModelSpec, ModelStatus, Restore
from mlops_operator.controllers.model.policies.bootstrap import refused_versions
from mlops_operator.controllers.model.policies.restore import RestoreProblem, restore_problem
from mlops_operator.controllers.model.render import bootstrap_names, render_bootstrap
from mlops_operator.controllers.model.retained import Retained, concerned, observe_retained
from mlops_operator.controllers.shared.gates import GATE_RESULTS_BY_MODEL, RecordedResult, gate_key
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_MODEL, VersionFact, key_of
from mlops_operator.controllers.shared.models import wanted_restore
from mlops_operator.controllers.shared.promotions import (
    OPEN_PROMOTIONS_BY_ALIAS,
    PASSED_GATES_BY_ALIAS,
    REJECTED_PROMOTIONS_BY_ALIAS,
    PassedGate,
    alias_value,
    waits_for_data,
)
from mlops_operator.controllers.shared.versions import view_version
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import MODEL_VERSIONS, PROMOTIONS
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import Read


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """An alias that is to be restored from a backup.

    Attributes:
        version: the version that it is to point at; None while there is a problem.
        problem: what keeps it from being restored.
    """

    version: VersionRef | None
    problem: RestoreProblem | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The newest Promotion of an alias that was rejected."""

    promotion: str
    version: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A Model with its versions and the Promotions of its aliases.

    Attributes:
        versions: its ModelVersions, the oldest first.
        passed: by alias of the spec, the open Promotions that passed its gate, the newest last.
        undecided: aliases with a Promotion that is not decided yet.
        without_data: aliases that point at nothing and whose undecided Promotions wait for data that are not there.
        offers: names of the bootstrap Promotions that are there, of aliases that may be offered a version.
        results: gate results that its versions have recorded.
        open: UIDs of those of their Promotions that are not decided yet.
        refused: UIDs of the versions that no alias is offered.
        restorations: by alias, those that are to be restored.
        refusals: by alias that points at nothing and has no undecided Promotion, the latest rejection.
        retained: the files of its versions; None where it has no retention policy and no removal at work.
    """

    obj: Manifest
    spec: ModelSpec
    status: ModelStatus
    versions: Sequence[VersionFact] = ()
    passed: Mapping[str, Sequence[PassedGate]] = field(default_factory=dict)
    undecided: frozenset[str] = frozenset()
    without_data: frozenset[str] = frozenset()
    offers: frozenset[str] = frozenset()
    results: Sequence[RecordedResult] = ()
    open: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    restorations: Mapping[str, Restoration] = field(default_factory=dict)
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    retained: Retained | None = None

    @cached_property
    def present(self) -> frozenset[str]:
        """UIDs of its versions."""
        return frozenset(version.uid for version in self.versions)

    @cached_property
    def ready(self) -> frozenset[str]:
        """UIDs of its versions that are Ready, and whose files are not about to be removed."""
        removals = self.status.retention.removals if self.status.retention is not None else ()
        marked = {entry.version_uid for entry in removals}
        return frozenset(version.uid for version in self.versions if version.ready and version.uid not in marked)


def observe(obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
    """The observation of a Model.

    Raises:
        InvalidSpecError: its spec cannot be worked with.
    """
    key = key_of(obj)
    spec, status = parse_spec(ModelSpec, obj), ModelStatus.of(obj)
    value = {alias.name: alias_value(key.namespace, key.name, alias.name) for alias in spec.aliases}
    versions = world.facts(MODEL_VERSIONS_BY_MODEL, str(key))
    pointing = {entry.name: entry for entry in status.aliases}
    unset = [alias for alias in spec.aliases if alias.name not in pointing]
    names = {version.name for version in versions}
    undecided = frozenset(
        name for name in value if _undecided(obj, value[name], world, names=None if name in pointing else names)
    )
    empty = [alias for alias in unset if alias.bootstrap and alias.restore is None and alias.name not in undecided]
    wanted = {
        alias.name: wanted_restore(
            alias,
            pointing.get(alias.name),
            model_uid=obj["metadata"]["uid"],
            present={version.uid for version in versions},
        )
        for alias in spec.aliases
    }
    results = [result for entry in world.facts(GATE_RESULTS_BY_MODEL, str(key)) for result in entry.results]
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        versions=versions,
        passed={name: world.facts(PASSED_GATES_BY_ALIAS, value[name]) for name in value},
        undecided=undecided,
        without_data=frozenset(alias.name for alias in unset if _without_data(value[alias.name], world)),
        offers=frozenset(name for alias in empty for name in _offers(obj, alias, versions, world)),
        results=results,
        open=frozenset(uid for alias in undecided for uid in _open(value[alias], results, world)),
        refused=refused_versions(versions, results, status.rejections, gates=_gates(key.name, spec)),
        restorations={name: _restoration(key, entry, world) for name, entry in wanted.items() if entry is not None},
        refusals=dict(_refusals(key, [alias.name for alias in unset if alias.name not in undecided], world)),
        retained=observe_retained(obj, world, reads) if concerned(obj) else None,
    )


def _gates(model: str, spec: ModelSpec) -> frozenset[str]:
    return frozenset(gate_key(model, alias.name, alias.gate) for alias in spec.aliases if alias.gate is not None)


def _restoration(model: Key, wanted: Restore, world: World) -> Restoration:
    version = view_version(world.get(MODEL_VERSIONS, Key(model.namespace, wanted.version)))
    problem = restore_problem(wanted, version, model=model.name)
    return Restoration(version=version.ref if version is not None and problem is None else None, problem=problem)


def _refusals(model: Key, aliases: Sequence[str], world: World) -> Iterator[tuple[str, Refusal]]:
    for alias in aliases:
        rejected = world.facts(REJECTED_PROMOTIONS_BY_ALIAS, alias_value(model.namespace, model.name, alias))
        promotion = world.get(PROMOTIONS, Key(model.namespace, rejected[-1].name)) if rejected else None
        if promotion is not None:
            ready = condition_of(promotion, READY)
            yield (
                alias,
                Refusal(
                    promotion=promotion["metadata"]["name"],
                    version=promotion["spec"]["version"],
                    reason=ready.get("reason", ""),
                    message=ready.get("message", ""),
                ),
            )


def _undecided(obj: Manifest, value: str, world: World, *, names: Container[str] | None) -> bool:
    """Whether a Promotion of the alias is not decided yet.

    A bootstrap Promotion of a version that was deleted waits in vain: of an alias that points at nothing it does not
    count, so that another version can be offered.

    Args:
        names: names of the versions, where the alias points at nothing; else None.
    """
    keys = world.keys(OPEN_PROMOTIONS_BY_ALIAS, value)
    if names is None:
        return bool(keys)
    promotions = (world.get(PROMOTIONS, key) for key in keys)
    return any(
        promotion is not None
        and (controller_uid(promotion) != obj["metadata"]["uid"] or promotion["spec"]["version"] in names)
        for promotion in promotions
    )


def _without_data(value: str, world: World) -> bool:
    """Whether all open Promotions of the alias wait for data that are not there."""
    promotions = (world.get(PROMOTIONS, key) for key in world.keys(OPEN_PROMOTIONS_BY_ALIAS, value))
    return all(promotion is not None and waits_for_data(promotion) for promotion in promotions)


def _open(value: str, results: Sequence[RecordedResult], world: World) -> Iterator[str]:
    """UIDs of the alias's open Promotions that have a result."""
    named = {result.promotion for result in results}
    for key in world.keys(OPEN_PROMOTIONS_BY_ALIAS, value):
        promotion = world.get(PROMOTIONS, key) if key.name in named else None
        if promotion is not None:
            yield promotion["metadata"]["uid"]


def _offers(obj: Manifest, alias: Alias, versions: Sequence[VersionFact], world: World) -> Iterator[str]:
    """Names that the alias's bootstrap Promotions are created with, of those that are there.

    An object of such a name with other content is none.
    """
    namespace = obj["metadata"]["namespace"]
    for version in (version for version in versions if version.ready):
        names = bootstrap_names(obj, alias, version)
        found = (world.get(PROMOTIONS, Key(namespace, name)) for name in names)
        if any(names.is_child(render_bootstrap(obj, alias, version), entry) for entry in found if entry is not None):
            yield names.name
