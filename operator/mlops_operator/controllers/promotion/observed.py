"""All that a Promotion's plan sees."""

from dataclasses import dataclass

from pydantic import ValidationError

from mlops_operator.api.conditions import READY, find
from mlops_operator.api.evaluation import EvaluationStatus
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import Alias, AliasStatus, ModelSpec, ModelStatus
from mlops_operator.api.promotion import PromotionSpec, PromotionStatus
from mlops_operator.controllers.promotion.indexes import PROMOTIONS_BY_ALIAS, alias_key
from mlops_operator.controllers.promotion.policies.supersede import Sibling
from mlops_operator.controllers.promotion.render import evaluation_name
from mlops_operator.controllers.shared.specs import parse_spec
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS
from mlops_operator.runtime.controller import World


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A Promotion, its Model's alias, its version, the alias's other Promotions, and the Evaluation.

    Attributes:
        model: the Model, or None.
        alias: the alias as the Model declares it; None where it does not.
        points: where the alias points and pointed; None where it never did.
        evaluation: of the Evaluation that the gate asks for now, against what the alias points at now.
    """

    obj: Manifest
    spec: PromotionSpec
    status: PromotionStatus
    model: Manifest | None
    alias: Alias | None
    points: AliasStatus | None
    version: VersionView | None
    siblings: tuple[Sibling, ...]
    evaluation: EvaluationStatus | None

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return int(self.obj["metadata"].get("generation", 1))

    @property
    def current(self) -> str | None:
        """The version the alias points at."""
        return self.points.version if self.points is not None else None


def observe(obj: Manifest, world: World) -> Observed:
    """Put together what the plan sees.

    Raises:
        InvalidSpecError: the spec does not fit its model.
    """
    spec = parse_spec(PromotionSpec, obj)
    namespace = obj["metadata"]["namespace"]
    model = world.get(MODELS, Key(namespace, spec.model))
    declared, pointing = _aliases(model)
    alias = next((entry for entry in declared if entry.name == spec.alias), None)
    points = next((entry for entry in pointing if entry.name == spec.alias), None)
    return Observed(
        obj=obj,
        spec=spec,
        status=PromotionStatus.of(obj),
        model=model,
        alias=alias,
        points=points,
        version=view_version(world.get(MODEL_VERSIONS, Key(namespace, spec.version))),
        siblings=_siblings(obj, world),
        evaluation=_evaluation(obj, world, alias, baseline=points.version if points is not None else None),
    )


def _aliases(model: Manifest | None) -> tuple[tuple[Alias, ...], tuple[AliasStatus, ...]]:
    if model is None:
        return (), ()
    try:
        declared = ModelSpec.model_validate(model.get("spec") or {}).aliases
    except ValidationError:
        declared = ()  # the Model itself says what is wrong with its spec
    return declared, ModelStatus.of(model).aliases


def _siblings(obj: Manifest, world: World) -> tuple[Sibling, ...]:
    uid = obj["metadata"]["uid"]
    found = world.indexed(PROMOTIONS_BY_ALIAS, alias_key(obj))
    return tuple(_sibling(other, world) for other in found if other["metadata"]["uid"] != uid)


def _sibling(obj: Manifest, world: World) -> Sibling:
    metadata, status = obj["metadata"], PromotionStatus.of(obj)
    name = (obj.get("spec") or {}).get("version", "")
    version = view_version(world.get(MODEL_VERSIONS, Key(metadata["namespace"], name)))
    condition = find(status.conditions, READY)
    return Sibling(
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        version=name,
        phase=status.phase or "",
        reason=condition.reason if condition else "",
        digest=version.digest if version else None,
    )


def _evaluation(obj: Manifest, world: World, alias: Alias | None, *, baseline: str | None) -> EvaluationStatus | None:
    if alias is None or alias.gate is None:
        return None
    name = evaluation_name(obj, alias.gate, baseline=baseline)
    owned = world.owned(EVALUATIONS, obj["metadata"]["uid"])
    found = next((child for child in owned if child["metadata"]["name"] == name), None)
    return EvaluationStatus.of(found) if found is not None else None
