# SPDX-License-Identifier: Apache-2.0
"""Whether a TrainingJob wrote the files of a version, so that they may be removed with it.

Anyone with the right to create ModelVersions writes what they like into a spec, and a run reports what URI it likes. So
neither is believed: the TrainingJob's status, which the operator alone writes, has to name this version and this
artifact, and the artifact has to be in the folder that the operator gave to that very object.
"""

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionSpec
from mlops_operator.api.trainingjob import AttemptOutcome, TrainingJobStatus, TrainingPhase
from mlops_operator.controllers.shared.pods import location_of
from mlops_operator.controllers.shared.stores import folder_uri, training_folder


def run_folder(name: str, spec: ModelVersionSpec, training: Manifest | None, *, artifact_store: str) -> str | None:
    """The folder of the TrainingJob that wrote the artifact of a version; None where that is not on record.

    Args:
        name: of the version.
        spec: of the version.
        training: the TrainingJob that the lineage names, or None.
        artifact_store: of the installation, where runs without an `output` leave their artifacts.
    """
    trained_by = spec.lineage.training_job
    if training is None or trained_by is None or training["metadata"]["uid"] != trained_by.uid:
        return None
    status, found = TrainingJobStatus.of(training), training.get("spec") or {}
    if status.phase != TrainingPhase.SUCCEEDED or status.model_version != name or found.get("model") != spec.model:
        return None
    reported = {(artifact.uri, artifact.digest) for artifact in status.artifacts}
    if (spec.artifact.uri, spec.artifact.digest) not in reported:
        return None
    folder = location_of(training_folder(training, (found.get("output") or {}).get("uri") or artifact_store))
    artifact = location_of(spec.artifact.uri)
    if folder is None or artifact is None or not folder.holds(artifact):
        return None
    attempts = {str(entry.index) for entry in status.attempts if entry.outcome is AttemptOutcome.SUCCEEDED}
    below = artifact.parts[len(folder.parts) :]
    return folder_uri(folder) if below and below[0] in attempts else None
