# SPDX-License-Identifier: Apache-2.0
"""What the installation decides for all controllers; the chart sets it through the environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from mlops_contract.text import whole_number
from mlops_operator import __version__
from mlops_operator.api.common import PodOptions, Resources
from mlops_operator.kube.config import ConfigError

ENV_WORKLOAD_IMAGE: Final = "MLOPS_WORKLOAD_IMAGE"
ENV_SERVER_IMAGE: Final = "MLOPS_SERVER_IMAGE"
ENV_MLSERVER_IMAGE: Final = "MLOPS_MLSERVER_IMAGE"
ENV_ARTIFACT_STORE: Final = "MLOPS_ARTIFACT_STORE"
ENV_CLUSTER_DOMAIN: Final = "MLOPS_CLUSTER_DOMAIN"
ENV_POD_SECURITY_CONTEXT: Final = "MLOPS_POD_SECURITY_CONTEXT"
ENV_FINISHED_JOB_TTL: Final = "MLOPS_TTL_SECONDS_AFTER_FINISHED"

FINISHED_JOB_TTL: Final = 86_400
"""A day: failures of a night are looked into in the morning."""

REMOVAL_SETTLE: Final = 60.0
"""A minute: twice the longest time that the answer to a write takes, so that plans which were made before a version
ceased to be Ready have been carried out and written down."""

ENV_TASK_PODS: Final = "MLOPS_TASK_PODS"
ENV_SERVER_PODS: Final = "MLOPS_SERVER_PODS"
ENV_TRAINING_PODS: Final = "MLOPS_TRAINING_PODS"

USER_ID: Final = 65532
"""Numeric and not root, as restricted Pod Security wants it; the images' own user."""

POD_SECURITY_CONTEXT: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
)
"""A pod's restricted security context; the group may write to mounted claims."""


TASK_PODS: Final = PodOptions(
    resources=Resources(requests={"cpu": "50m", "memory": "128Mi"}, limits={"cpu": "1", "memory": "512Mi"})
)
"""Defaults of task pods: each of their containers loads one model or one file of rows, and most only copy. With these
and `SERVER_PODS` a stable server, a candidate and its check fit into a quota of 2 CPU and 2Gi."""

SERVER_PODS: Final = PodOptions(
    resources=Resources(requests={"cpu": "50m", "memory": "128Mi"}, limits={"cpu": "500m", "memory": "512Mi"})
)
"""Defaults of model servers: room for a small model. A server without a model has 150 to 200 MiB."""


@dataclass(frozen=True)
class ServerRuntime:
    """An entry of the runtime table: what serves a format.

    Attributes:
        name: as a ModelDeployment's `runtime.name` gives it.
        formats: artifact formats it loads.
        image: the container image.
        args: the server's arguments, with `{model}`, `{version}`, `{format}` and `{dir}` filled in.
        env: environment of the server, with the same fields filled in.
        port: where it speaks the Open Inference Protocol.
        gives_example: whether it has `mlops_contract.serving.EXAMPLE`.
    """

    name: str
    formats: tuple[str, ...]
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = 8080
    gives_example: bool = False


_MLSERVER_ENVIRONMENT: Final = {
    "MLSERVER_MODEL_NAME": "{model}",
    "MLSERVER_MODEL_VERSION": "{version}",
    "MLSERVER_MODEL_URI": "{dir}",
    "MLSERVER_MODEL_IMPLEMENTATION": "mlops_workload.runtimes.mlserver_model.ReportingSKLearnModel",
    "MLSERVER_HTTP_PORT": "8080",
    # One process: replicas are what is scaled, and each worker would hold the model once more.
    "MLSERVER_PARALLEL_WORKERS": "0",
    # By default every request is logged, and metrics are shared through a folder in the read-only root.
    "MLSERVER_DEBUG": "false",
    "MLSERVER_METRICS_DIR": "/tmp",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Settings:
    """Images, the artifact store, the runtime table and the defaults of pods.

    Attributes:
        workload_image: runs fetch, verify, evaluate, monitor and golden requests.
        server_image: the default server of every format.
        mlserver_image: MLServer, for deployments that ask for it by name.
        artifact_store: URI under which runs without an `output` leave their artifacts.
        cluster_domain: DNS domain of the cluster.
        pod_security_context: security context of every pod, before the object's own template.
        finished_job_ttl: seconds for which a Job that has ended stays with its pods and their logs.
        removal_settle: seconds for which a version must have been out of use before what uses it is read once more and
            its files are removed.
        task_pods: defaults of the pods that run the workload image.
        server_pods: defaults of model servers.
        training_pods: defaults of trainings. They have no resources unless the installation gives them some: what a
            training needs, nobody but its user knows.
    """

    workload_image: str = f"localhost/mlops-workload:{__version__}"
    server_image: str = f"localhost/mlops-server:{__version__}"
    mlserver_image: str = f"localhost/mlops-mlserver:{__version__}"
    artifact_store: str = "pvc://mlops-artifacts"
    cluster_domain: str = "cluster.local"
    pod_security_context: Mapping[str, Any] = field(default_factory=lambda: POD_SECURITY_CONTEXT)
    finished_job_ttl: int = FINISHED_JOB_TTL
    removal_settle: float = REMOVAL_SETTLE
    task_pods: PodOptions = TASK_PODS
    server_pods: PodOptions = SERVER_PODS
    training_pods: PodOptions = field(default_factory=PodOptions)

    @property
    def runtimes(self) -> tuple[ServerRuntime, ...]:
        """The runtime table; the first entry that loads a format is its default."""
        return (
            ServerRuntime(
                name="kserve-sklearn",
                formats=("sklearn",),
                image=self.server_image,
                command=("python3", "-m", "mlops_workload.serve"),
                args=(
                    "--model-name={model}",
                    "--model-version={version}",
                    "--model-dir={dir}",
                    "--format={format}",
                    "--port=8080",
                ),
                env={"OMP_NUM_THREADS": "1"},
                gives_example=True,
            ),
            ServerRuntime(
                name="mlserver-sklearn",
                formats=("sklearn",),
                image=self.mlserver_image,
                command=("python3", "-m", "mlops_workload.runtimes.mlserver_server"),
                # A folder without settings files: the environment alone says what is served.
                args=("start", "/app"),
                env=_MLSERVER_ENVIRONMENT,
            ),
        )

    def runtime_for(self, *, name: str | None, artifact_format: str) -> ServerRuntime | None:
        """The entry called `name`, or the first that loads the format; None where there is none."""
        for runtime in self.runtimes:
            if artifact_format in runtime.formats and name in (None, runtime.name):
                return runtime
        return None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Settings with the defaults overridden by what is set.

        Raises:
            ConfigError: a value that should be a JSON object or a number of seconds is none, or defaults of pods do not
                fit their schema.
        """
        names = {
            ENV_WORKLOAD_IMAGE: "workload_image",
            ENV_SERVER_IMAGE: "server_image",
            ENV_MLSERVER_IMAGE: "mlserver_image",
            ENV_ARTIFACT_STORE: "artifact_store",
            ENV_CLUSTER_DOMAIN: "cluster_domain",
        }
        values: dict[str, Any] = {name: environment[key] for key, name in names.items() if environment.get(key)}
        if text := environment.get(ENV_POD_SECURITY_CONTEXT):
            values["pod_security_context"] = _json_object(ENV_POD_SECURITY_CONTEXT, text)
        if text := environment.get(ENV_FINISHED_JOB_TTL):
            values["finished_job_ttl"] = _seconds(ENV_FINISHED_JOB_TTL, text)
        pods = {ENV_TASK_PODS: "task_pods", ENV_SERVER_PODS: "server_pods", ENV_TRAINING_PODS: "training_pods"}
        values |= {name: _pod_options(key, environment[key]) for key, name in pods.items() if environment.get(key)}
        return cls(**values)


def _seconds(name: str, text: str) -> int:
    seconds = whole_number(text, -1, digits=10)
    if seconds < 0:
        raise ConfigError(f"expected a number of seconds in {name}, found {text[:80]!r}")
    return seconds


def _pod_options(name: str, text: str) -> PodOptions:
    try:
        return PodOptions.model_validate(_json_object(name, text))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ConfigError(f"{name}: {where}: {problem['msg']}") from error


def _json_object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"expected a JSON object in {name}, found {text[:80]!r}")
    return found
