"""All that a Promotion's plan sees."""

from dataclasses import dataclass

from mlops_operator.api.evaluation import EvaluationStatus
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import Alias, AliasStatus
from mlops_operator.api.promotion import PromotionSpec, PromotionStatus
from mlops_operator.controllers.promotion.indexes import Request, newest_request
from mlops_operator.controllers.promotion.render import evaluation_name
from mlops_operator.controllers.shared.indexes import MODEL_VERSIONS_BY_DIGEST
from mlops_operator.controllers.shared.models import declared_alias, pointing_alias
from mlops_operator.controllers.shared.promotions import GATE_FAILURES_BY_VERSION, GateFailure
from mlops_operator.controllers.shared.specs import parse_spec
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS
from mlops_operator.runtime.controller import World


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A Promotion, its Model's alias, its version, the alias's newest Promotion, and the Evaluation.

    Attributes:
        model: the Model, or None.
        alias: the alias as the Model declares it; None where it does not.
        points: where the alias points and pointed; None where it never did.
        newest: the newest Promotion of the alias, which may be this one.
        failures: Promotions to this alias whose version was this one or had the same digest, and failed the gate.
        evaluation: of the Evaluation that the gate asks for now, against what the alias points at now.
    """

    obj: Manifest
    spec: PromotionSpec
    status: PromotionStatus
    model: Manifest | None
    alias: Alias | None
    points: AliasStatus | None
    version: VersionView | None
    newest: Request | None
    failures: tuple[GateFailure, ...]
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
    alias = declared_alias(model, spec.alias)
    points = pointing_alias(model, spec.alias)
    version = view_version(world.get(MODEL_VERSIONS, Key(namespace, spec.version)))
    return Observed(
        obj=obj,
        spec=spec,
        status=PromotionStatus.of(obj),
        model=model,
        alias=alias,
        points=points,
        version=version,
        newest=newest_request(obj, world),
        failures=_failures(namespace, spec, version, world),
        evaluation=_evaluation(obj, world, alias, baseline=points.version if points is not None else None),
    )


def _failures(
    namespace: str, spec: PromotionSpec, version: VersionView | None, world: World
) -> tuple[GateFailure, ...]:
    names = [Key(namespace, spec.version)]
    if version is not None and version.digest is not None:
        names += world.keys(MODEL_VERSIONS_BY_DIGEST, str(Key(namespace, version.digest)))
    found = (failure for name in names for failure in world.facts(GATE_FAILURES_BY_VERSION, str(name)))
    return tuple(entry for entry in found if (entry.model, entry.alias) == (spec.model, spec.alias))


def _evaluation(obj: Manifest, world: World, alias: Alias | None, *, baseline: str | None) -> EvaluationStatus | None:
    if alias is None or alias.gate is None:
        return None
    name = evaluation_name(obj, alias.gate, baseline=baseline)
    owned = world.owned(EVALUATIONS, obj["metadata"]["uid"])
    found = next((child for child in owned if child["metadata"]["name"] == name), None)
    return EvaluationStatus.of(found) if found is not None else None
