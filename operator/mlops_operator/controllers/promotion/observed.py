# SPDX-License-Identifier: Apache-2.0
"""All that a Promotion's plan sees."""

from dataclasses import dataclass
from itertools import chain

from mlops_operator.api.common import VersionRef
from mlops_operator.api.evaluation import EvaluationStatus
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import Alias, AliasStatus, Rejection, Restore
from mlops_operator.api.promotion import PromotionSpec, PromotionStatus
from mlops_operator.controllers.promotion.indexes import Request, newest_request
from mlops_operator.controllers.shared.children import renamed
from mlops_operator.controllers.shared.gates import (
    RecordedResult,
    alias_target,
    evaluation_names,
    gate_key,
    newest_recent_row,
    render_evaluation,
    results_of_artifact,
)
from mlops_operator.controllers.shared.models import declared_alias, pointing_alias, rejections_of, wanted_restore
from mlops_operator.controllers.shared.owners import deleted_owner
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS
from mlops_operator.runtime.cache.watch import World


@dataclass(frozen=True, kw_only=True)
class GateRequest:
    """What the alias's gate asks for now, and what there is of it.

    Attributes:
        key: of the gate.
        rendered: the Evaluation of the version against what the alias points at.
        recent_after: the newest recent row by which the artifact was measured for another Promotion, if it was.
        evaluation: its status; None where there is none, or where the object of its name is another one.
        evaluation_uid: its UID.
        results: recorded on ModelVersions with the same artifact.
        rejections: of the artifact, as the Model remembers them.
    """

    key: str
    rendered: Manifest
    recent_after: str | None = None
    evaluation: EvaluationStatus | None = None
    evaluation_uid: str | None = None
    results: tuple[RecordedResult, ...] = ()
    rejections: tuple[Rejection, ...] = ()

    @property
    def name(self) -> str:
        """Name of the Evaluation."""
        return str(self.rendered["metadata"]["name"])


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A Promotion, its Model's alias, its version, the alias's newest Promotion, and what the gate asks for.

    Attributes:
        model: the Model, or None.
        alias: the alias as the Model declares it; None where it does not.
        points: where the alias points and pointed; None where it never did.
        baseline: the version that the alias points at; None where it points at none, or where that was deleted.
        newest: the newest Promotion of the alias, which may be this one.
        gate: None where the alias has no gate, or while the version cannot be read.
        target_cached: whether the cache has an object of the name that the alias points at.
        deleted_owner: what controls it and does not exist, in words; else None.
        restoring: what the Model is about to restore the alias to; None where it is not to be restored.
    """

    obj: Manifest
    spec: PromotionSpec
    status: PromotionStatus
    model: Manifest | None
    alias: Alias | None
    points: AliasStatus | None
    version: VersionView | None
    baseline: VersionRef | None
    newest: Request | None
    gate: GateRequest | None
    target_cached: bool
    deleted_owner: str | None = None
    restoring: Restore | None = None

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return int(self.obj["metadata"].get("generation", 1))

    @property
    def current(self) -> str | None:
        """Name of the version the alias points at."""
        return self.points.version if self.points is not None else None

    @property
    def current_uid(self) -> str:
        """UID of the version the alias points at; empty where it points at none."""
        return self.points.version_uid if self.points is not None else ""


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
    target = alias_target(namespace, points, world)
    baseline = target.ref if target is not None else None
    target_cached = points is not None and world.contains(MODEL_VERSIONS, Key(namespace, points.version))
    return Observed(
        obj=obj,
        spec=spec,
        status=PromotionStatus.of(obj),
        model=model,
        alias=alias,
        points=points,
        version=version,
        baseline=baseline,
        newest=newest_request(obj, world),
        gate=_gate(obj, world, alias, model=model, version=version, baseline=baseline),
        target_cached=target_cached,
        deleted_owner=deleted_owner(obj, world),
        restoring=_restoring(obj, world, alias, points, model=model),
    )


def _restoring(
    obj: Manifest, world: World, alias: Alias | None, points: AliasStatus | None, *, model: Manifest | None
) -> Restore | None:
    """What the Model is about to restore the alias to.

    A status of another Model object may point at a version that was deleted before the backup: then nothing is about
    to be restored.
    """
    if model is None or alias is None:
        return None
    known = points.version if points is not None else (alias.restore.version if alias.restore is not None else "")
    version = view_version(world.get(MODEL_VERSIONS, Key(obj["metadata"]["namespace"], known)))
    present = {version.uid} if version is not None else frozenset[str]()
    wanted = wanted_restore(alias, points, model_uid=model["metadata"]["uid"], present=present)
    if wanted is None or points is None:
        return wanted
    return wanted if version is not None and version.digest == wanted.digest else None


def _gate(
    obj: Manifest,
    world: World,
    alias: Alias | None,
    *,
    model: Manifest | None,
    version: VersionView | None,
    baseline: VersionRef | None,
) -> GateRequest | None:
    candidate = version.ref if version is not None else None
    if alias is None or alias.gate is None or candidate is None:
        return None
    namespace, uid = obj["metadata"]["namespace"], obj["metadata"]["uid"]
    key = gate_key(obj["spec"]["model"], alias.name, alias.gate)
    results = results_of_artifact(namespace, candidate.digest, world)
    rejections = rejections_of(model, candidate.digest)
    former = newest_recent_row(alias.gate, key, chain(results, rejections), promotion_uid=uid)
    rendered = render_evaluation(obj, alias.gate, candidate, baseline, recent_after=former)
    names = evaluation_names(obj, alias.gate, candidate, baseline, recent_after=former)
    found = names.find(child for child in world.owned(EVALUATIONS, uid) if names.is_child(rendered, child))
    return GateRequest(
        key=key,
        rendered=rendered if found is None else renamed(rendered, found["metadata"]["name"]),
        evaluation=EvaluationStatus.of(found) if found is not None else None,
        evaluation_uid=found["metadata"]["uid"] if found is not None else None,
        recent_after=former,
        results=results,
        rejections=rejections,
    )
