"""All that the plan of a Model sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import ModelSpec, ModelStatus
from mlops_operator.controllers.model.render import bootstrap_name
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


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A Model with its versions and the Promotions of its aliases.

    Attributes:
        versions: its ModelVersions, the oldest first.
        passed: by alias of the spec, the open Promotions that passed its gate, the newest last.
        undecided: aliases with a Promotion that is not decided yet.
        offers: names of the bootstrap Promotions that are there, of aliases that may be offered a version.
    """

    obj: Manifest
    spec: ModelSpec
    status: ModelStatus
    versions: Sequence[VersionFact] = ()
    passed: Mapping[str, Sequence[PassedGate]] = field(default_factory=dict)
    undecided: frozenset[str] = frozenset()
    offers: frozenset[str] = frozenset()


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
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        versions=versions,
        passed={name: world.facts(PASSED_GATES_BY_ALIAS, value[name]) for name in value},
        undecided=undecided,
        offers=frozenset(name for alias in empty for name in _offers(obj, alias, versions, world)),
    )


def _offers(obj: Manifest, alias: str, versions: Sequence[VersionFact], world: World) -> list[str]:
    names = map(partial(bootstrap_name, obj, alias), (version for version in versions if version.eligible))
    return [name for name in names if world.contains(PROMOTIONS, Key(obj["metadata"]["namespace"], name))]
