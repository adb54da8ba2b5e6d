"""All that the plan of a Model sees."""

from dataclasses import dataclass

from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import ModelSpec, ModelStatus
from mlops_operator.controllers.model.policies.aliases import ObservedPromotion
from mlops_operator.controllers.model.policies.bootstrap import ObservedVersion
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_MODEL, PROMOTIONS_BY_MODEL, key_of
from mlops_operator.controllers.shared.specs import parse_spec
from mlops_operator.runtime.controller import World


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A Model with its versions and the Promotions of its aliases."""

    obj: Manifest
    spec: ModelSpec
    status: ModelStatus
    version_objects: tuple[Manifest, ...] = ()
    versions: tuple[ObservedVersion, ...] = ()
    promotions: tuple[ObservedPromotion, ...] = ()


def observe(obj: Manifest, world: World) -> Observed:
    """The observation of a Model.

    Raises:
        InvalidSpecError: its spec cannot be worked with.
    """
    key = str(key_of(obj))
    versions = tuple(world.indexed(MODEL_VERSIONS_BY_MODEL, key))
    return Observed(
        obj=obj,
        spec=parse_spec(ModelSpec, obj),
        status=ModelStatus.of(obj),
        version_objects=versions,
        versions=tuple(ObservedVersion.of(version) for version in versions),
        promotions=tuple(ObservedPromotion.of(promotion) for promotion in world.indexed(PROMOTIONS_BY_MODEL, key)),
    )
