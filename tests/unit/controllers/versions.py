# SPDX-License-Identifier: Apache-2.0
"""ModelVersions for the tests of those who use them."""

import hashlib

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import MODEL_VERSIONS
from tests.unit.controllers.builders import NOW, make


def digest_of(text: str) -> str:
    """A digest that belongs to `text` alone."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def model_version(
    name: str,
    *,
    model: str = "digits",
    ready: bool = True,
    stalled: bool = False,
    digest: str | None = None,
    trained_by: str | None = None,
    artifact_format: str = "sklearn",
) -> Manifest:
    """A ModelVersion; ready, waiting or stalled."""
    spec: Manifest = {
        "model": model,
        "artifact": {"uri": f"pvc://models/{name}", "digest": digest or digest_of(name), "format": artifact_format},
    }
    if trained_by is not None:
        spec["lineage"] = {"trainingJob": {"name": trained_by, "uid": f"uid-of-{trained_by}"}}
    reason = "Verified" if ready else "ArtifactCorrupt" if stalled else "Verifying"
    conditions = [
        {"type": kind, "status": str(value), "reason": reason, "lastTransitionTime": timestamp(NOW)}
        for kind, value in (("Reconciling", not ready and not stalled), ("Stalled", stalled), ("Ready", ready))
    ]
    return make(MODEL_VERSIONS, name, spec=spec, status={"observedGeneration": 1, "conditions": conditions})
