# SPDX-License-Identifier: Apache-2.0
"""The Job that measures: fetch, predict with each model apart, judge.

No container that runs a model sees labels, the store, the result or the other model; the one that reports runs
no model. See docs/design/0015-prediction-and-judging.md.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from mlops_contract import environment as env_names
from mlops_contract import limits
from mlops_contract.models.base import given
from mlops_contract.models.evaluation import (
    Columns,
    EvaluationRequest,
    HashesSource,
    MetricRequest,
    ModelSource,
    RecentSource,
)
from mlops_contract.models.run import DataInput
from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.evaluation import RECENT, EvaluationSpec, MetricRule
from mlops_operator.api.meta import PREFIX, Manifest
from mlops_operator.api.modelversion import ModelArtifact, ModelVersionSpec
from mlops_operator.controllers.evaluation.policies.recent import recent_window
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.children import ChildNames, child_names
from mlops_operator.controllers.shared.holdout import holdout
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.stores import EVALUATIONS, own_folder, training_store
from mlops_operator.controllers.shared.task import NOT_FOUND_EXIT_CODE, Folder, Step, Task
from mlops_operator.controllers.shared.versions import VersionView

COMPONENT: Final = "evaluate"
"""Module that runs, suffix of the Job's name and component of its pods: there is one Job per Evaluation."""

ANNOTATION_CANDIDATE: Final = PREFIX + "candidate"
ANNOTATION_BASELINE: Final = PREFIX + "baseline"
"""On the Job: identities of the ModelVersions that it measures, as JSON; a name may mean another object by its end."""

MODEL: Final = "/mnt/model"
INPUTS: Final = "/mnt/inputs"
ROWS: Final = "/mnt/rows"
PREDICTIONS: Final = "/mnt/predictions"
"""Where the containers see their folders."""

PREDICTIONS_LIMIT: Final = "1Gi"
"""Size of one model's predictions: a million rows with the probabilities of a hundred classes have 0.8 GB."""


def job_names(obj: Manifest) -> ChildNames:
    """Names of the Evaluation's Job."""
    return child_names(obj, COMPONENT)


def run_uid(obj: Manifest) -> str:
    """Identity that the Job's result must carry."""
    return f"{obj['metadata']['uid']}-{COMPONENT}"


def measured_versions(job: Manifest) -> tuple[VersionRef | None, VersionRef | None]:
    """The candidate and the baseline that the Job was created for; None where it does not say."""
    annotations = job["metadata"].get("annotations") or {}

    def version(name: str) -> VersionRef | None:
        try:
            return VersionRef.model_validate_json(annotations.get(name) or "")
        except ValidationError:
            return None

    return version(ANNOTATION_CANDIDATE), version(ANNOTATION_BASELINE)


def _identities(candidate: VersionRef, baseline: VersionRef | None) -> dict[str, str]:
    found = {ANNOTATION_CANDIDATE: candidate, ANNOTATION_BASELINE: baseline}
    return {name: compact_json(ref.to_manifest()) for name, ref in found.items() if ref is not None}


def evaluation_task(
    obj: Manifest,
    spec: EvaluationSpec,
    candidate: VersionView,
    baseline: VersionView | None,
    settings: Settings,
    *,
    model: Manifest | None,
) -> Task:
    """The task: both models and the data by URI and digest, what to measure, and where the report goes.

    Args:
        obj: the Evaluation.
        spec: its spec.
        candidate: the version that is measured.
        baseline: the version it is compared with, if any.
        settings: of the operator.
        model: the candidate's Model, which `recent` needs.
    """
    assert candidate.spec is not None
    assert candidate.ref is not None
    compared = baseline.spec if baseline is not None else None
    versions = {"candidate": candidate.spec, **({"baseline": compared} if compared is not None else {})}
    request = EvaluationRequest(
        candidate=_model(candidate.spec),
        baseline=_model(compared) if compared is not None else None,
        data=tuple(DataInput(**given(entry.model_dump())) for entry in spec.data),
        metrics=tuple(_metric(rule) for rule in spec.metrics),
        columns=Columns(**given(spec.columns.model_dump())),
        **given({"recent": _recent(obj, spec, model)}),
    )
    configuration = request.to_document()
    return Task(
        parent=obj,
        suffix=COMPONENT,
        component=COMPONENT,
        steps=(
            _fetch(configuration, versions, spec),
            *(_predict(role, version.artifact) for role, version in versions.items()),
            Step(
                module=COMPONENT,
                args=("--rows", ROWS, *(word for role in versions for word in (f"--{role}", _predictions(role)))),
                env={env_names.EVALUATION: configuration},
                write=f"{report_store(spec, candidate.spec, settings)}/{EVALUATIONS}/{own_folder(obj)}",
                folders=(
                    Folder(name="rows", path=ROWS),
                    *(Folder(name=f"predictions-{role}", path=_predictions(role)) for role in versions),
                ),
            ),
        ),
        # Rows that are not there yet are looked for again by another Job.
        final_exit_codes=(NOT_FOUND_EXIT_CODE,),
        image=spec.image,
        options=spec.task_pods,
        annotations=_identities(candidate.ref, baseline.ref if baseline is not None else None),
    )


def report_store(spec: EvaluationSpec, candidate: ModelVersionSpec, settings: Settings) -> str:
    """Where the reports folder is: as the spec says, else beside the candidate, else in the operator's artifact store.

    A version that a TrainingJob made lies in the store of that TrainingJob, which the namespace has for certain. Where
    one that was registered by hand lies may be read-only.
    """
    if spec.output is not None:
        return spec.output.uri.rstrip("/")
    return training_store(candidate.artifact.uri) or settings.artifact_store.rstrip("/")


def _fetch(configuration: dict[str, Any], versions: Mapping[str, ModelVersionSpec], spec: EvaluationSpec) -> Step:
    """Copies models and rows out of the store; the only step that sees the store's content."""
    folders = [(role, f"/mnt/{role}") for role in versions]
    return Step(
        name="fetch",
        module="evaluate_fetch",
        args=(
            *(word for role, path in folders for word in (f"--{role}", path)),
            *("--rows", ROWS, "--inputs", INPUTS),
        ),
        env={env_names.EVALUATION: configuration},
        claims=[
            *(version.artifact.uri for version in versions.values()),
            *(version.training_rows.uri for version in versions.values() if version.training_rows is not None),
            *(entry.uri for entry in spec.data),
            *([spec.recent.uri] if spec.recent is not None else []),
        ],
        folders=tuple(
            Folder(name=path.rpartition("/")[2], path=path, writable=True)
            for path in (*(path for _, path in folders), ROWS, INPUTS)
        ),
    )


def _predict(role: str, artifact: ModelArtifact) -> Step:
    """Runs one model: it sees that model, the inputs without labels, and a folder for its predictions."""
    return Step(
        name=f"predict-{role}",
        module="predict",
        args=(
            *("--role", role, "--format", artifact.format),
            *("--model", MODEL, "--inputs", INPUTS, "--output", PREDICTIONS),
        ),
        folders=(
            Folder(name=role, path=MODEL),
            Folder(name="inputs", path=INPUTS),
            Folder(name=f"predictions-{role}", path=PREDICTIONS, writable=True, limit=PREDICTIONS_LIMIT),
        ),
        foreign=True,
    )


def _predictions(role: str) -> str:
    return f"{PREDICTIONS}/{role}"


def _model(version: ModelVersionSpec) -> ModelSource:
    artifact, hashes = version.artifact, version.training_rows
    rows = HashesSource(**hashes.model_dump()) if hashes is not None else None
    return ModelSource(uri=artifact.uri, digest=artifact.digest, format=artifact.format, **given({"rows": rows}))


def _recent(obj: Manifest, spec: EvaluationSpec, model: Manifest | None) -> RecentSource | None:
    """Which requests of the log are rows: a window that ends with the Evaluation's creation, whenever the Job runs."""
    if spec.recent is None or model is None:
        return None
    start, end = recent_window(spec.recent, obj["metadata"]["creationTimestamp"])
    return RecentSource(
        name=RECENT,
        uri=spec.recent.uri,
        start=timestamp(start),
        end=timestamp(end),
        holdout=holdout(model, spec.recent.share),
        slice=spec.recent.slice,
        **given({"after": spec.recent_after}),
    )


def _metric(rule: MetricRule) -> MetricRequest:
    change = rule.change
    optional = {
        "slice": rule.slice,
        "min": rule.min,
        "max": rule.max,
        "change": change.min if change is not None else None,
        "confidence": change.confidence if change is not None else None,
        # The default is not sent: Jobs that a release without this field created stay what would be created today.
        "min_count": rule.min_count if rule.min_count != limits.MIN_COUNT else None,
    }
    return MetricRequest(name=rule.name.value, **given(optional))
