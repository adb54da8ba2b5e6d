# SPDX-License-Identifier: Apache-2.0
"""All that an Evaluation's plan sees."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlops_operator.api.evaluation import EvaluationSpec, EvaluationStatus
from mlops_operator.api.meta import Key, Manifest, controller_reference
from mlops_operator.controllers.evaluation.render import job_names
from mlops_operator.controllers.evaluation.status import FINAL
from mlops_operator.controllers.shared.indexes import key_of
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.shared.promotions import is_open
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODEL_VERSIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import PodsOfJob, Read


@dataclass(frozen=True, kw_only=True)
class Observed:
    """An Evaluation, its versions, its Job and the Job's pods.

    Attributes:
        model: the candidate's Model, which counts the gates on each set of rows and whose UID chooses recent rows; None
            where it is not there.
        gate: whether it measures for a Promotion, so that it counts among the Model's gates.
        decided: name of that Promotion, if it is decided; else None.
        baseline: None where the spec names none, or where it is not there.
        jobs: all Jobs of the Evaluation.
        pods: None where they were not read.
        reads: all that was read, which explains why the pods do not run.
    """

    obj: Manifest
    spec: EvaluationSpec
    status: EvaluationStatus
    model: Manifest | None
    gate: bool
    decided: str | None
    candidate: VersionView | None
    baseline: VersionView | None
    job: Manifest | None
    jobs: Sequence[Manifest]
    pods: Sequence[Manifest] | None
    reads: Reads

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return int(self.obj["metadata"].get("generation", 1))


def own_job(obj: Manifest, world: World) -> Manifest | None:
    """The Evaluation's Job, if it is there and belongs to it."""
    return job_names(obj).find(world.owned(JOBS, obj["metadata"]["uid"]))


def _promotion(obj: Manifest, spec: EvaluationSpec, world: World) -> Manifest | None:
    """The existing Promotion of the candidate that controls it, if one does. An owner reference alone is no proof."""
    owner = controller_reference(obj)
    if owner is None or owner["kind"] != PROMOTIONS.kind:
        return None
    promotion = world.get(PROMOTIONS, Key(obj["metadata"]["namespace"], owner["name"]))
    if promotion is None or promotion["metadata"]["uid"] != owner["uid"]:
        return None
    return promotion if promotion["spec"]["version"] == spec.candidate else None


def waits(evaluation: Manifest) -> bool:
    """Whether it has no Job yet and is not final."""
    status = evaluation.get("status") or {}
    return status.get("phase") not in FINAL and not status.get("job")


def waiting_for_decided(old: Manifest, new: Manifest, world: World) -> Iterator[Key]:
    """For `Watch.between` on Promotions: what still waits to measure for one that has been decided just now."""
    if is_open(old) and not is_open(new):
        for evaluation in world.owned(EVALUATIONS, new["metadata"]["uid"]):
            if waits(evaluation):
                yield Key(*key_of(evaluation))


def observe(obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
    """Put together what the plan sees.

    Raises:
        InvalidSpecError: the spec does not fit its model.
    """
    spec = parse_spec(EvaluationSpec, obj)
    namespace = obj["metadata"]["namespace"]

    def version(name: str | None) -> VersionView | None:
        return view_version(world.get(MODEL_VERSIONS, Key(namespace, name))) if name else None

    job = own_job(obj, world)
    candidate = version(spec.candidate)
    model = candidate.model if candidate is not None else None
    promotion = _promotion(obj, spec, world)
    return Observed(
        obj=obj,
        spec=spec,
        status=EvaluationStatus.of(obj),
        model=world.get(MODELS, Key(namespace, model)) if model is not None else None,
        gate=promotion is not None,
        decided=promotion["metadata"]["name"] if promotion is not None and not is_open(promotion) else None,
        candidate=candidate,
        baseline=version(spec.baseline),
        job=job,
        jobs=world.owned(JOBS, obj["metadata"]["uid"]),
        pods=reads.get(PodsOfJob.of(job)) if job is not None else None,
        reads=reads,
    )
