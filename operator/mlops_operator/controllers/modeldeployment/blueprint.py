# SPDX-License-Identifier: Apache-2.0
"""A revision: everything that makes a server's pods what they are, and its hash."""

from dataclasses import dataclass, replace

from mlops_operator.api.common import ArtifactRef, EnvVar, PodTemplate, Resources
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import DeploymentReason, ModelDeploymentSpec, RevisionStatus
from mlops_operator.api.modelserver import CustomServer
from mlops_operator.api.modelversion import ModelArtifact, ModelVersionSpec
from mlops_operator.api.schema import SpecModel
from mlops_operator.controllers.settings import ServerRuntime, Settings
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import short_hash
from mlops_operator.controllers.shared.pods import MAIN
from mlops_operator.runtime.work.quantities import canonical


@dataclass(frozen=True)
class Problem:
    """Why there is no version to serve.

    Attributes:
        permanent: it does not mend itself when something else appears or becomes ready.
        expected: it is no fault: nothing happens until another object changes, and nothing has to.
    """

    reason: DeploymentReason
    message: str
    permanent: bool = False
    expected: bool = False


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What a revision's pods are made of.

    Replicas, autoscaling and rollout settings are no part of it: they change a revision's
    surroundings, not its pods. Neither is the image that fetches the model: an upgrade of the
    operator does not replace pods that already have theirs.

    Attributes:
        model: the Model's name, which is also its name in the inference protocol.
        version: the ModelVersion's name.
        version_uid: its UID; an object created again under the name is another revision.
        server: how it is served; a custom server is an entry of its own. Its image is the one that runs: that of the
            template where it names one.
        restarted_at: value of the annotation `RESTARTED_AT`, by which a user asks for new pods of the same settings.
    """

    model: str
    version: str
    version_uid: str
    artifact: ModelArtifact
    golden_requests: ArtifactRef | None
    server: ServerRuntime
    custom: bool
    resources: Resources
    env: tuple[EnvVar, ...]
    node_selector: dict[str, str]
    template: PodTemplate
    restarted_at: str | None = None

    @property
    def digest(self) -> str:
        """Digest of the model."""
        return self.artifact.digest

    @property
    def revision(self) -> str:
        """The revision's name: a hash that is the same for the same pods, in every release."""
        server = self.server
        return short_hash(
            self.model,
            self.version,
            self.version_uid,
            self.artifact.uri,
            self.artifact.digest,
            self.artifact.format,
            compact_json([server.image, server.command, server.args, dict(server.env), server.port]),
            compact_json([_canonical(self.resources), [_canonical(entry) for entry in self.env]]),
            compact_json([self.node_selector, _canonical(self.template)]),
            # Without the annotation the hash is that of former releases.
            *([self.restarted_at] if self.restarted_at is not None else []),
        )


def keep_image(drawn: Blueprint, stable: RevisionStatus | None) -> Blueprint:
    """`drawn` with the image that the stable revision was made with, where nothing else differs.

    So a new release of the operator, with another default image, replaces no running pod by
    itself: the next change of the version or of the pods' settings takes the new image along.
    """
    if drawn.custom or stable is None or stable.server_image is None:
        return drawn
    former = replace(drawn, server=replace(drawn.server, image=stable.server_image))
    return former if former.revision == stable.revision else drawn


def _canonical(model: SpecModel) -> Manifest:
    """With one spelling for equal quantities, and without defaults.

    Another spelling is no change of the pods. A default that a later schema adds must not change the hashes of today.
    """
    found: Manifest = canonical(model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True))
    return found


def draw(
    spec: ModelDeploymentSpec,
    *,
    name: str,
    uid: str,
    version: ModelVersionSpec,
    settings: Settings,
    restarted_at: str | None = None,
) -> Blueprint | Problem:
    """The blueprint by which `spec` serves the ModelVersion with this name and UID."""
    custom = spec.runtime.custom
    if custom is not None:
        server: ServerRuntime | None = _custom(custom)
    else:
        server = settings.runtime_for(name=spec.runtime.name, artifact_format=version.artifact.format)
    if server is None:
        asked = f"runtime {spec.runtime.name!r}" if spec.runtime.name else "any runtime"
        known = ", ".join(f"{entry.name} ({', '.join(entry.formats)})" for entry in settings.runtimes)
        return Problem(
            DeploymentReason.NO_RUNTIME,
            f"expected {asked} that loads format {version.artifact.format!r} of {name}, found: {known}; "
            "set runtime.name to one of these, or runtime.custom",
            permanent=True,
        )
    return Blueprint(
        model=version.model,
        version=name,
        version_uid=uid,
        artifact=version.artifact,
        golden_requests=version.golden_requests,
        server=replace(server, image=main_image(spec.template) or server.image),
        custom=custom is not None,
        resources=spec.resources,
        env=spec.env,
        node_selector=spec.node_selector,
        template=spec.template,
        restarted_at=restarted_at,
    )


def main_image(template: PodTemplate) -> str | None:
    """The image that a template gives the main container; None where it gives none."""
    containers = template.spec.get("containers")
    for entry in containers if isinstance(containers, list) else ():
        if isinstance(entry, dict) and entry.get("name") == MAIN and isinstance(entry.get("image"), str):
            return entry["image"] or None
    return None


def _custom(server: CustomServer) -> ServerRuntime:
    return ServerRuntime(
        name="custom", formats=(), image=server.image, command=server.command, args=server.args, port=server.port
    )
