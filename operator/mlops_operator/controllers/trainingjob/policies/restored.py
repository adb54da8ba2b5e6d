# SPDX-License-Identifier: Apache-2.0
"""Whether a TrainingJob without attempts was run before: then it is not run again.

A backup holds TrainingJobs that have ended. Created again without their status they look new. The lineage of a
ModelVersion has the name of the TrainingJob that made it and the digest of its spec; UIDs are those of deleted objects.
"""

from collections.abc import Iterable

from mlops_operator.api.meta import Manifest


def made_before(
    versions: Iterable[Manifest],
    *,
    training_job: str,
    model: str | None,
    spec_digest: str,
    preferred: str | None = None,
) -> Manifest | None:
    """The ModelVersion that a TrainingJob with this name and spec made; of several the preferred or the newest one.

    Args:
        versions: ModelVersions whose lineage may name the TrainingJob.
        training_job: its name.
        model: the Model it trains, or None.
        spec_digest: see `spec_digest.py`.
        preferred: name of the version that the TrainingJob says it was restored from.
    """
    found = [version for version in versions if _is_by(version, training_job, model, spec_digest)]
    return max(found, key=lambda version: _order(version, preferred), default=None)


def _is_by(version: Manifest, training_job: str, model: str | None, spec_digest: str) -> bool:
    spec = version.get("spec") or {}
    trained_by = (spec.get("lineage") or {}).get("trainingJob") or {}
    found = (spec.get("model"), trained_by.get("name"), trained_by.get("specDigest"))
    return found == (model, training_job, spec_digest) and "deletionTimestamp" not in version["metadata"]


def _order(version: Manifest, preferred: str | None) -> tuple[bool, str, str]:
    metadata = version["metadata"]
    return metadata["name"] == preferred, metadata["creationTimestamp"], metadata["name"]
