"""All that the plan of a Model sees."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import ModelSpec, ModelStatus
from mlops_operator.controllers.model.render import bootstrap_name, render_bootstrap
from mlops_operator.controllers.shared.gates import GATE_RESULTS_BY_MODEL, RecordedResult
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_MODEL, VersionFact, key_of
from mlops_operator.controllers.shared.promotions import (
    OPEN_PROMOTIONS_BY_ALIAS,
    PASSED_GATES_BY_ALIAS,
    PassedGate,
    alias_value,
)
from mlops_operator.controllers.shared.specs import parse_spec
from mlops_operator.kube.resources import PROMOTIONS
from mlops_operator.runtime.controller import World
from mlops_operator.runtime.identity import is_rendered


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A Model with its versions and the Promotions of its aliases.

    Attributes:
        versions: its ModelVersions, the oldest first.
        passed: by alias of the spec, the open Promotions that passed its gate, the newest last.
        undecided: aliases with a Promotion that is not decided yet.
        offers: names of the bootstrap Promotions that are there, of aliases that may be offered a version.
        results: gate results that its versions have recorded.
        open: UIDs of those of their Promotions that are not decided yet.
    """

    obj: Manifest
    spec: ModelSpec
    status: ModelStatus
    versions: Sequence[VersionFact] = ()
    passed: Mapping[str, Sequence[PassedGate]] = field(default_factory=dict)
    undecided: frozenset[str] = frozenset()
    offers: frozenset[str] = frozenset()
    results: Sequence[RecordedResult] = ()
    open: frozenset[str] = frozenset()

    @cached_property
    def present(self) -> frozenset[str]:
        """UIDs of its versions."""
        return frozenset(version.uid for version in self.versions)

    @cached_property
    def ready(self) -> frozenset[str]:
        """UIDs of its versions that are Ready."""
        return frozenset(version.uid for version in self.versions if version.ready)


def observe(obj: Manifest, world: World) -> Observed:
    """The observation of a Model.

    Raises:
        InvalidSpecError: its spec cannot be worked with.
    """
    key = key_of(obj)
    spec, status = parse_spec(ModelSpec, obj), ModelStatus.of(obj)
    value = {alias.name: alias_value(key.namespace, key.name, alias.name) for alias in spec.aliases}
    versions = world.facts(MODEL_VERSIONS_BY_MODEL, str(key))
    undecided = frozenset(name for name in value if world.keys(OPEN_PROMOTIONS_BY_ALIAS, value[name]))
    pointing = {entry.name for entry in status.aliases}
    empty = [alias.name for alias in spec.aliases if alias.bootstrap and alias.name not in pointing | undecided]
    results = [result for entry in world.facts(GATE_RESULTS_BY_MODEL, str(key)) for result in entry.results]
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        versions=versions,
        passed={name: world.facts(PASSED_GATES_BY_ALIAS, value[name]) for name in value},
        undecided=undecided,
        offers=frozenset(name for alias in empty for name in _offers(obj, alias, versions, world)),
        results=results,
        open=frozenset(uid for alias in undecided for uid in _open(value[alias], results, world)),
    )


def _open(value: str, results: Sequence[RecordedResult], world: World) -> Iterator[str]:
    """UIDs of the alias's open Promotions that have a result."""
    named = {result.promotion for result in results}
    for key in world.keys(OPEN_PROMOTIONS_BY_ALIAS, value):
        promotion = world.get(PROMOTIONS, key) if key.name in named else None
        if promotion is not None:
            yield promotion["metadata"]["uid"]


def _offers(obj: Manifest, alias: str, versions: Sequence[VersionFact], world: World) -> Iterator[str]:
    """Names of the alias's bootstrap Promotions; an object of such a name with other content is none."""
    for version in versions:
        name = bootstrap_name(obj, alias, version)
        found = world.get(PROMOTIONS, Key(obj["metadata"]["namespace"], name)) if version.eligible else None
        if found is not None and is_rendered(render_bootstrap(obj, alias, version), found):
            yield name
