# SPDX-License-Identifier: Apache-2.0
"""The ModelVersion that a result becomes.

It outlives its TrainingJob, so it has no owner; its lineage says where it came from. What it
was made with is read from the pod that made it, not from the spec, which may have changed.
"""

from typing import Any, Final

from pydantic import ValidationError

from mlops_contract import ResultInvalidError
from mlops_contract import environment as names
from mlops_contract.artifacts import ENVIRONMENT, ENVIRONMENT_FORMAT, ROWS_NAME
from mlops_contract.models.result import Artifact, Result
from mlops_operator.api.common import ArtifactRef, PodOptions
from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.api.modelversion import Lineage, ModelArtifact, ModelVersionSpec, TrainedBy
from mlops_operator.controllers.shared.children import ChildNames
from mlops_operator.controllers.shared.former_names import former_version_name
from mlops_operator.controllers.shared.naming import MAX_NAME, hashed_name, kind_label, label_value
from mlops_operator.controllers.trainingjob.environment import ran_with
from mlops_operator.controllers.trainingjob.inputs import image_of
from mlops_operator.framework.specs import first_problem

MODEL: Final = "model"
GOLDEN: Final = "golden"


def version_name(model: str, uid: str, digest: str) -> str:
    """Name of the version that the TrainingJob `uid` made: the same for the same content, however often it is made."""
    return hashed_name(model, covers=(uid, digest), max_length=MAX_NAME)


def version_names(training_job: Manifest, version: Manifest) -> ChildNames:
    """Names under which `version`, rendered for the TrainingJob, may exist."""
    spec, uid = version["spec"], training_job["metadata"]["uid"]
    digest = spec["artifact"]["digest"]
    return ChildNames(version["metadata"]["name"], former_version_name(spec["model"], uid, digest))


def render_version(
    obj: Manifest,
    model: str,
    result: Result,
    pod: Manifest,
    *,
    inputs_digest: str | None,
    spec_digest: str | None,
) -> Manifest:
    """The ModelVersion of `model` from a result and the pod that left it.

    Args:
        obj: the TrainingJob.
        model: the Model.
        result: what the run reported.
        pod: its pod.
        inputs_digest: digest of the inputs of the run; None where it is not known.
        spec_digest: digest of the spec that the run was started with; None where it is not known.

    Raises:
        ResultInvalidError: the result has no artifact `model`, or one that cannot be a version.
    """
    artifacts = {artifact.name: artifact for artifact in result.artifacts}
    if MODEL not in artifacts:
        found = f"found {', '.join(sorted(artifacts))}" if artifacts else "found none"
        raise ResultInvalidError(f"expected an artifact named {MODEL!r}, since the result becomes a version; {found}")
    metadata = obj["metadata"]
    trained_by = TrainedBy(name=metadata["name"], uid=metadata["uid"], spec_digest=spec_digest)
    lineage = _lineage(trained_by, artifacts, result, pod, inputs_digest)
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelVersion",
        "metadata": {
            "name": version_name(model, metadata["uid"], artifacts[MODEL].digest),
            "namespace": metadata["namespace"],
            "labels": {
                "app.kubernetes.io/part-of": "mlops-operator",
                "app.kubernetes.io/managed-by": "mlops-operator",
                kind_label("Model"): label_value(model),
                kind_label("TrainingJob"): label_value(metadata["name"]),
            },
        },
        "spec": _spec(obj, model, artifacts, lineage).model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
        ),
    }


def _lineage(
    trained_by: TrainedBy,
    artifacts: dict[str, Artifact],
    result: Result,
    pod: Manifest,
    inputs_digest: str | None,
) -> dict[str, Any]:
    image = image_of(pod)
    environment = artifacts.get(ENVIRONMENT)
    known = environment is not None and environment.format == ENVIRONMENT_FORMAT
    return {
        "training_job": trained_by,
        "image": image.id,
        "image_name": image.name,
        "environment": _reference(environment) if known else None,
        "parameters": ran_with(pod, names.PARAMETERS) or {},
        "data": _data(pod, result),
        "seed": ran_with(pod, names.SEED),
        "metrics": dict(result.metrics),
        "inputs_digest": inputs_digest,
    }


def _spec(obj: Manifest, model: str, artifacts: dict[str, Artifact], lineage: dict[str, Any]) -> ModelVersionSpec:
    artifact = artifacts[MODEL]
    try:
        return ModelVersionSpec(
            model=model,
            artifact=ModelArtifact(
                uri=artifact.uri, digest=artifact.digest, format=artifact.format, size=artifact.size
            ),
            golden_requests=_reference(artifacts.get(GOLDEN)),
            training_rows=_reference(artifacts.get(ROWS_NAME)),
            task_pods=_task_pods(obj),
            lineage=Lineage.model_validate(lineage),
        )
    except ValidationError as error:
        raise ResultInvalidError(f"the result cannot become a version: {first_problem('spec', error)}") from error


def _task_pods(obj: Manifest) -> PodOptions:
    """What the TrainingJob sets of the pods that verify its version; they are made after the run."""
    return PodOptions.model_validate((obj.get("spec") or {}).get("taskPods") or {})


def _reference(artifact: Artifact | None) -> ArtifactRef | None:
    return ArtifactRef(uri=artifact.uri, digest=artifact.digest) if artifact is not None else None


def _data(pod: Manifest, result: Result) -> list[dict[str, Any]]:
    """The data inputs of the run, each with the digest that was really read."""
    read = {entry.name: entry.digest for entry in result.data}
    inputs = ran_with(pod, names.DATA) or []
    return [{**entry, **({"digest": read[entry["name"]]} if entry["name"] in read else {})} for entry in inputs]
