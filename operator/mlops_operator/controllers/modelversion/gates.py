# SPDX-License-Identifier: Apache-2.0
"""The gate results that a ModelVersion has to record, found in the caches.

A result counts only if a Promotion of this very version is open, if the Evaluation is the one that its alias's gate
asks for now, and if it measured this object. The Promotion decides by the same Evaluation, so the two agree.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import READY, find
from mlops_operator.api.evaluation import EvaluationStatus, MetricStatus
from mlops_operator.api.meta import Key, Manifest, controller_reference
from mlops_operator.api.model import Rejection
from mlops_operator.api.modelversion import GateFigure, GateResult
from mlops_operator.controllers.shared.gates import (
    RECORDED,
    RecordedResult,
    alias_target,
    evaluation_names,
    gate_key,
    newest_recent_row,
    render_evaluation,
    results_of_artifact,
    rows_digest,
)
from mlops_operator.controllers.shared.indexes import by_reference
from mlops_operator.controllers.shared.models import declared_alias, pointing_alias, rejections_of
from mlops_operator.controllers.shared.promotions import is_open, where
from mlops_operator.kube.resources import EVALUATIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.cache.index import FactIndex, Index
from mlops_operator.runtime.cache.watch import World

MAX_MESSAGE: Final = 1024
"""What `GateResult.message` holds."""


class Judged(NamedTuple):
    """An Evaluation of a Promotion, with a verdict that is to be recorded."""

    name: str
    uid: str
    promotion: str


def _has_verdict(evaluation: Manifest) -> bool:
    return (evaluation.get("status") or {}).get("verdict") in RECORDED


def _promotion_of(evaluation: Manifest) -> str:
    """Name of the Promotion that controls the Evaluation; empty where none does."""
    owner = controller_reference(evaluation)
    return str(owner["name"]) if owner is not None and owner["kind"] == PROMOTIONS.kind else ""


def _judged_version(evaluation: Manifest) -> Iterable[str]:
    return by_reference("candidate")(evaluation) if _has_verdict(evaluation) and _promotion_of(evaluation) else ()


def _judged(evaluation: Manifest) -> Judged:
    metadata = evaluation["metadata"]
    return Judged(metadata["name"], metadata["uid"], _promotion_of(evaluation))


OPEN_PROMOTIONS_BY_VERSION: Final = Index(PROMOTIONS, "recording-version", where(is_open, by_reference("version")))
JUDGED_BY_VERSION: Final = FactIndex(EVALUATIONS, "judged-version", _judged_version, _judged)


def concerned_by_evaluation(evaluation: Manifest, _world: World) -> Iterator[Key]:
    """The version that an Evaluation of a Promotion measured, once it has a verdict."""
    for value in _judged_version(evaluation):
        yield Key(*value.split("/", 1))


def concerned_by_verdict(old: Manifest, new: Manifest, world: World) -> Iterator[Key]:
    """For `Watch.between`: the same, where the verdict is new."""
    return concerned_by_evaluation(new, world) if _has_verdict(old) != _has_verdict(new) else iter(())


def open_promotions(version: Key, world: World) -> frozenset[str]:
    """Names of the version's Promotions that are not decided yet."""
    return frozenset(key.name for key in world.keys(OPEN_PROMOTIONS_BY_VERSION, str(version)))


def gate_results(
    ref: VersionRef, namespace: str, world: World, *, promotions: Collection[str], recorded: Collection[str]
) -> Iterator[GateResult]:
    """The results that are not recorded yet and that open Promotions wait for.

    Args:
        ref: the version.
        promotions: names of its open Promotions.
        recorded: UIDs of the Evaluations that are recorded.
    """
    for judged in world.facts(JUDGED_BY_VERSION, str(Key(namespace, ref.name))):
        if judged.promotion not in promotions or judged.uid in recorded:
            continue
        promotion = world.get(PROMOTIONS, Key(namespace, judged.promotion))
        evaluation = world.get(EVALUATIONS, Key(namespace, judged.name))
        if promotion is None or evaluation is None:
            continue
        result = _result(ref, promotion, evaluation, world)
        if result is not None:
            yield result


def _result(ref: VersionRef, promotion: Manifest, evaluation: Manifest, world: World) -> GateResult | None:
    metadata, spec = promotion["metadata"], promotion["spec"]
    namespace = metadata["namespace"]
    model = world.get(MODELS, Key(namespace, spec["model"]))
    alias = declared_alias(model, spec["alias"])
    if alias is None or alias.gate is None:
        return None
    target = alias_target(namespace, pointing_alias(model, spec["alias"]), world)
    key = gate_key(spec["model"], alias.name, alias.gate)
    known: Iterable[RecordedResult | Rejection] = chain(
        results_of_artifact(namespace, ref.digest, world), rejections_of(model, ref.digest)
    )
    recent_after = newest_recent_row(alias.gate, key, known, promotion_uid=metadata["uid"])
    baseline = target.ref if target is not None else None
    rendered = render_evaluation(promotion, alias.gate, ref, baseline, recent_after=recent_after)
    names = evaluation_names(promotion, alias.gate, ref, baseline, recent_after=recent_after)
    status = EvaluationStatus.of(evaluation)
    if not names.is_child(rendered, evaluation) or status.candidate != ref or status.verdict is None:
        return None
    condition = find(status.conditions, READY)
    rows = [metric.n for metric in status.metrics if metric.n is not None]
    return GateResult(
        gate=key,
        alias=alias.name,
        data=rows_digest(status.data),
        digest=ref.digest,
        verdict=status.verdict,
        message=(condition.message if condition is not None else "")[:MAX_MESSAGE],
        evaluation=evaluation["metadata"]["name"],
        evaluation_uid=evaluation["metadata"]["uid"],
        promotion=metadata["name"],
        promotion_uid=metadata["uid"],
        time=status.completion_time or evaluation["metadata"]["creationTimestamp"],
        rows=max(rows, default=None),
        newest_row=status.recent.newest if status.recent is not None else None,
        recent_after=recent_after,
        figures=_figures(status.metrics) if alias.gate.columns.group is None else (),
    )


def _figures(metrics: Iterable[MetricStatus]) -> tuple[GateFigure, ...]:
    """The candidate's values over all rows."""
    return tuple(
        GateFigure(name=metric.name, value=metric.candidate, n=metric.n, rarest_class=metric.rarest_class)
        for metric in metrics
        if not metric.slice and metric.candidate is not None and metric.n
    )
