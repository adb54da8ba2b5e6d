"""The Job that measures."""

from typing import Any, Final

from mlops_contract import environment as env_names
from mlops_operator.api.evaluation import EvaluationSpec, MetricRule
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelArtifact
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.naming import child_name, short_hash
from mlops_operator.controllers.shared.task import Task

COMPONENT: Final = "evaluate"
"""Module that runs, suffix of the Job's name and component of its pods: there is one Job per Evaluation."""

FOLDER: Final = "evaluations"
"""Where in the artifact store the reports go."""


def job_name(obj: Manifest) -> str:
    """Name of the Evaluation's Job."""
    return child_name(obj, COMPONENT)


def run_uid(obj: Manifest) -> str:
    """Identity that the Job's result must carry."""
    return f"{obj['metadata']['uid']}-{COMPONENT}"


def evaluation_task(
    obj: Manifest, spec: EvaluationSpec, candidate: ModelArtifact, baseline: ModelArtifact | None, settings: Settings
) -> Task:
    """The task: both models and the data by URI and digest, what to measure, and where the report goes."""
    metadata = obj["metadata"]
    configuration = {
        "candidate": _model(candidate),
        "baseline": _model(baseline) if baseline is not None else None,
        "data": [entry.model_dump(mode="json", exclude_none=True) for entry in spec.data],
        "metrics": [_metric(rule) for rule in spec.metrics],
        "columns": spec.columns.model_dump(mode="json", exclude_none=True),
    }
    models = [artifact.uri for artifact in (candidate, baseline) if artifact is not None]
    return Task(
        parent=obj,
        suffix=COMPONENT,
        component=COMPONENT,
        module=COMPONENT,
        env={env_names.EVALUATION: configuration},
        read=[*models, *(entry.uri for entry in spec.data)],
        output=f"{settings.artifact_store}/{FOLDER}/{metadata['name']}-{short_hash(metadata['uid'])}",
        job_settings=spec,
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
