# SPDX-License-Identifier: Apache-2.0
"""Parts of a ModelDeployment's spec that describe the model server and its number of replicas."""

from typing import Annotated

from pydantic import Field

from mlops_operator.api.schema import AnyObject, CelRule, Image, LongText, ShortName, SpecModel


class CustomServer(SpecModel):
    """A model server provided by the user.

    It implements the Open Inference Protocol (V2 REST), reads the model from the folder `MLOPS_MODEL_DIR`
    and serves it under `MLOPS_MODEL_NAME` on the given port. `MLOPS_MODEL_VERSION` names the ModelVersion.
    The operator does not limit the size or duration of its requests.
    """

    image: Image
    """Container image of the server."""
    command: Annotated[tuple[LongText, ...], Field(max_length=64)] = ()
    """Entrypoint of the server. Default: the entrypoint of the image."""
    args: Annotated[tuple[LongText, ...], Field(max_length=128)] = ()
    """Arguments of the entrypoint."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port of the HTTP endpoint."""


class Runtime(SpecModel):
    """Server of the model. Default: the entry of the runtime table for the format of the artifact."""

    rules = (CelRule("!(has(self.name) && has(self.custom))", "runtime: set name or custom, not both"),)

    name: ShortName | None = None
    """Name of an entry of the operator's runtime table, e.g. `kserve-sklearn`."""
    custom: CustomServer | None = None


class Autoscaling(SpecModel):
    """A HorizontalPodAutoscaler (autoscaling/v2) on the stable version."""

    rules = (CelRule("self.minReplicas <= self.maxReplicas", "autoscaling: minReplicas must not exceed maxReplicas"),)

    min_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """Minimum number of replicas."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    """Maximum number of replicas."""
    metrics: Annotated[tuple[AnyObject, ...], Field(max_length=8)] = ()
    """MetricSpecs of autoscaling/v2. Default: 80 % of the requested CPU."""
    behavior: AnyObject | None = None
    """Scaling behavior of autoscaling/v2."""
