# SPDX-License-Identifier: Apache-2.0
"""The environment of a run, as the result contract names it, and the way back from a pod.

A pod's environment is the record of what an attempt really ran with: the spec may have been
edited since.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from mlops_contract import environment as names
from mlops_contract.text import decode_json
from mlops_operator.api.meta import Manifest
from mlops_operator.api.schema import PvcUri
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import pods
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.pods import MAIN
from mlops_operator.controllers.shared.stores import attempt_folder, training_folder
from mlops_operator.controllers.trainingjob.names import ANNOTATION_OUTPUT, job_name, run_uid, service_name
from mlops_operator.framework.specs import InvalidSpecError

_COMPLETION_INDEX: Final = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
_JOB_UID: Final = "metadata.labels['batch.kubernetes.io/controller-uid']"
"""A Job that is made again has the name of the former one, whose pods may still be there, and another UID."""


def output_uri(obj: Manifest, spec: TrainingJobSpec, settings: Settings, attempt: int) -> str | None:
    """Where the attempt's artifacts belong; no other attempt of any TrainingJob has the same.

    None where nothing is to be kept: such a run needs no claim of the artifact store.
    """
    if spec.output is None and spec.model is None:
        return None
    root = spec.output.uri if spec.output else settings.artifact_store
    return f"{training_folder(obj, root)}/{attempt}"


_PVC_URI: Final = TypeAdapter[str](PvcUri)


def recorded_output(obj: Manifest, job: Manifest, attempt: int) -> str | None:
    """Where the artifacts of the attempt that `job` was made for belong; None where it says no place of its own."""
    text = (job["metadata"].get("annotations") or {}).get(ANNOTATION_OUTPUT, "")
    found = attempt_folder(obj, attempt, text)
    try:
        return _PVC_URI.validate_python(found.attempt) if found is not None else None
    except ValidationError:
        return None


def mounted_uris(obj: Manifest, spec: TrainingJobSpec, settings: Settings, attempt: int) -> tuple[str, ...]:
    """The places that the operator mounts for the attempt, and the artifact store."""
    output = output_uri(obj, spec, settings, attempt)
    return (*(entry.uri for entry in spec.data), *([output] if output else []), settings.artifact_store)


def parameter_variable(name: str) -> str:
    """The variable of a parameter: `learning-rate` becomes `MLOPS_PARAM_LEARNING_RATE`."""
    return names.PARAMETER_PREFIX + re.sub(r"[^A-Z0-9_]", "_", name.upper())


def require_distinct_variables(spec: TrainingJobSpec) -> None:
    """Check that no two parameters would become one variable.

    Raises:
        InvalidSpecError: two would; one of them would be lost.
    """
    taken: defaultdict[str, list[str]] = defaultdict(list)
    for name in spec.parameters:
        taken[parameter_variable(name)].append(name)
    for variable, parameters in taken.items():
        if len(parameters) > 1:
            raise InvalidSpecError(
                f"spec.parameters: {' and '.join(sorted(parameters))} would both become {variable}; rename one"
            )


MAX_VARIABLE: Final = 128 * 1024 - 1
"""Longest `NAME=value` of one environment variable in bytes: `MAX_ARG_STRLEN` of Linux without the ending zero."""


def require_deliverable(spec: TrainingJobSpec) -> None:
    """Check that the kernel passes the parameters on; else a container would not start, without a word why.

    Raises:
        InvalidSpecError: the parameters are too large for an environment variable.
    """
    size = len(compact_json(spec.parameters).encode())
    most = MAX_VARIABLE - len(f"{names.PARAMETERS}=")
    if size > most:
        raise InvalidSpecError(
            f"spec.parameters: {size} bytes as JSON, at most {most} fit into an environment variable; put large input "
            "into a file of spec.data"
        )


def environment(
    obj: Manifest, spec: TrainingJobSpec, settings: Settings, attempt: int, *, holdout: Mapping[str, Any] | None
) -> list[Manifest]:
    """The `env` of the main container of an attempt, ordered by name. `holdout` is the Model's, if it has one."""
    values = {
        names.RUN_UID: run_uid(obj, attempt),
        names.RESULT_PATH: names.DEFAULT_RESULT_PATH,
        names.PVC_ROOT: names.DEFAULT_PVC_ROOT,
        names.ATTEMPT: str(attempt),
        names.REPLICAS: str(spec.replicas),
        names.PARAMETERS: compact_json(spec.parameters),
        names.DATA: compact_json([entry.model_dump(mode="json", exclude_none=True) for entry in spec.data]),
    }
    if (output := output_uri(obj, spec, settings, attempt)) is not None:
        values[names.OUTPUT_URI] = output
    if holdout is not None:
        values[names.HOLDOUT] = compact_json(holdout)
    for name, value in spec.parameters.items():
        values[parameter_variable(name)] = value if isinstance(value, str) else compact_json(value)
    if spec.seed is not None:
        values[names.SEED] = str(spec.seed)
    if spec.replicas == 1:
        values[names.REPLICA_INDEX] = "0"
        return pods.environment(values)
    values[names.COORDINATOR] = coordinator(obj, attempt)
    return [*pods.environment(values), _of_pod(names.REPLICA_INDEX, _COMPLETION_INDEX)]


def brings_coordinator(spec: TrainingJobSpec) -> bool:
    """Whether the run has a coordinator of its own, or needs none: its `env` sets the variable."""
    return any(entry.name == names.COORDINATOR for entry in spec.env)


def meeting_environment(obj: Manifest, spec: TrainingJobSpec, attempt: int) -> list[Manifest]:
    """The `env` of the container in which each of several replicas waits for the others.

    The port is the run's own setting, wherever the value comes from.
    """
    values = {names.COORDINATOR: coordinator(obj, attempt), names.REPLICAS: str(spec.replicas)}
    return [
        *pods.environment(values),
        _of_pod(names.REPLICA_INDEX, _COMPLETION_INDEX),
        _of_pod(names.GANG, _JOB_UID),
        *(pods.variable(entry) for entry in spec.env if entry.name == names.RENDEZVOUS_PORT),
    ]


def _of_pod(name: str, path: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def coordinator(obj: Manifest, attempt: int) -> str:
    """DNS name of replica 0 of the attempt."""
    return f"{job_name(obj, attempt)}-0.{service_name(obj)}.{obj['metadata']['namespace']}.svc"


def ran_with(pod: Manifest, variable: str) -> Any:
    """The JSON in a variable of the pod's main container; None where it has none."""
    for container in pod["spec"]["containers"]:
        if container["name"] == MAIN:
            for entry in container.get("env") or ():
                if entry["name"] == variable and entry.get("value"):
                    return _json(entry["value"].replace("$$", "$"))
    return None


def _json(text: str) -> Any:
    try:
        return decode_json(text)
    except ValueError:
        return None
