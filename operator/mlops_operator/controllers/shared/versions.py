# SPDX-License-Identifier: Apache-2.0
"""A ModelVersion as others see it: what it is, and whether it may be used."""

from dataclasses import dataclass

from pydantic import ValidationError

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import READY, STALLED, find, is_true
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionReason, ModelVersionSpec, ModelVersionStatus


@dataclass(frozen=True)
class VersionView:
    """One ModelVersion.

    Attributes:
        uid: of the object; one that was created again under the name has another.
        spec: None where it cannot be read; then the version is not ready.
        ready: its artifact is there and its digest is right.
        stalled: it will not become ready by itself.
        reason: why it is not ready.
    """

    name: str
    uid: str
    spec: ModelVersionSpec | None
    ready: bool
    stalled: bool
    reason: str
    message: str

    @property
    def model(self) -> str | None:
        """The Model it is a version of."""
        return self.spec.model if self.spec else None

    @property
    def digest(self) -> str | None:
        """Digest of its artifact."""
        return self.spec.artifact.digest if self.spec else None

    @property
    def ref(self) -> VersionRef | None:
        """Its identity; None where its spec cannot be read."""
        return VersionRef(name=self.name, uid=self.uid, digest=self.digest) if self.digest else None

    @property
    def artifact_removed(self) -> bool:
        """Whether the retention policy of its Model removed its artifact, which is final."""
        return self.reason == ModelVersionReason.ARTIFACT_REMOVED

    def not_ready(self) -> str:
        """Why it cannot be used, as a sentence."""
        return f"ModelVersion {self.name} is not Ready: " + ": ".join(filter(None, (self.reason, self.message)))


def view_version(obj: Manifest | None) -> VersionView | None:
    """The view of a ModelVersion; None where there is none."""
    if obj is None:
        return None
    try:
        spec = ModelVersionSpec.model_validate(obj.get("spec") or {})
    except ValidationError:
        spec = None
    status = ModelVersionStatus.of(obj)
    condition = find(status.conditions, READY)
    return VersionView(
        name=obj["metadata"]["name"],
        uid=obj["metadata"]["uid"],
        spec=spec,
        ready=spec is not None and is_true(status.conditions, READY),
        stalled=is_true(status.conditions, STALLED),
        reason=condition.reason if condition else "",
        message=condition.message if condition else "",
    )
