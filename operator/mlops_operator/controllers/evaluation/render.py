"""The Job that measures."""

from typing import Any, Final

from pydantic import ValidationError

from mlops_contract import environment as env_names
from mlops_operator.api.common import VersionRef
from mlops_operator.api.evaluation import EvaluationSpec, MetricRule
from mlops_operator.api.meta import PREFIX, Manifest
from mlops_operator.api.modelversion import ModelArtifact
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.naming import child_name, short_hash
from mlops_operator.controllers.shared.task import Task, compact_json
from mlops_operator.controllers.shared.versions import VersionView

COMPONENT: Final = "evaluate"
"""Module that runs, suffix of the Job's name and component of its pods: there is one Job per Evaluation."""

ANNOTATION_CANDIDATE: Final = PREFIX + "candidate"
ANNOTATION_BASELINE: Final = PREFIX + "baseline"
"""On the Job: identities of the ModelVersions that it measures, as JSON; a name may mean another object by its end."""

FOLDER: Final = "evaluations"
"""Where in the artifact store the reports go."""


def job_name(obj: Manifest) -> str:
    """Name of the Evaluation's Job."""
    return child_name(obj, COMPONENT)


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
    obj: Manifest, spec: EvaluationSpec, candidate: VersionView, baseline: VersionView | None, settings: Settings
) -> Task:
    """The task: both models and the data by URI and digest, what to measure, and where the report goes."""
    metadata = obj["metadata"]
    assert candidate.spec is not None
    assert candidate.ref is not None
    artifact = candidate.spec.artifact
    compared = baseline.spec.artifact if baseline is not None and baseline.spec is not None else None
    configuration = {
        "candidate": _model(artifact),
        "baseline": _model(compared) if compared is not None else None,
        "data": [entry.model_dump(mode="json", exclude_none=True) for entry in spec.data],
        "metrics": [_metric(rule) for rule in spec.metrics],
        "columns": spec.columns.model_dump(mode="json", exclude_none=True),
    }
    models = [model.uri for model in (artifact, compared) if model is not None]
    return Task(
        parent=obj,
        suffix=COMPONENT,
        component=COMPONENT,
        module=COMPONENT,
        env={env_names.EVALUATION: configuration},
        read=[*models, *(entry.uri for entry in spec.data)],
        output=f"{settings.artifact_store}/{FOLDER}/{metadata['name']}-{short_hash(metadata['uid'])}",
        job_settings=spec,
        annotations=_identities(candidate.ref, baseline.ref if baseline is not None else None),
    )


def _model(artifact: ModelArtifact) -> dict[str, Any]:
    return {"uri": artifact.uri, "digest": artifact.digest, "format": artifact.format}


def _metric(rule: MetricRule) -> dict[str, Any]:
    request: dict[str, Any] = {"name": rule.name.value}
    optional = {"slice": rule.slice, "min": rule.min, "max": rule.max}
    request |= {name: value for name, value in optional.items() if value is not None}
    if rule.change is not None:
        request |= {"change": rule.change.min, "confidence": rule.change.confidence}
    return request
