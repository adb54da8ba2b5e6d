# SPDX-License-Identifier: Apache-2.0
"""Manifests of an attempt: its Job, and the Service that gives several replicas their names."""

from collections.abc import Mapping, Sequence

from mlops_contract import environment as env_names
from mlops_operator.api.common import PodOptions
from mlops_operator.api.meta import LABEL_GENERATION, LABEL_UID, Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import jobs, pod_options, pods
from mlops_operator.controllers.shared.holdout import model_holdout
from mlops_operator.controllers.shared.locations import CHECK, check_step
from mlops_operator.controllers.shared.naming import child_metadata
from mlops_operator.controllers.shared.task import Step, step_container
from mlops_operator.controllers.trainingjob import config_maps
from mlops_operator.controllers.trainingjob.environment import (
    brings_coordinator,
    environment,
    meeting_environment,
    output_uri,
)
from mlops_operator.controllers.trainingjob.inputs import declared_digest
from mlops_operator.controllers.trainingjob.names import (
    ANNOTATION_DECLARED,
    ANNOTATION_OUTPUT,
    ANNOTATION_SPEC,
    COMPONENT,
    LABEL_ATTEMPT,
    WAIT,
    job_name,
    service_name,
)
from mlops_operator.controllers.trainingjob.spec_digest import spec_digest


def render_job(
    obj: Manifest, spec: TrainingJobSpec, settings: Settings, attempt: int, *, model: Manifest | None
) -> Manifest:
    """The Job of an attempt; `model` is the Model it trains, if any.

    One failed pod fails it (`backoffLimit` 0): all replicas start again together.

    Creating the first one is also the check of the person's pod template: what the API server
    refuses, it refuses before anything exists.
    """
    held_out = model_holdout(model) if model is not None else None
    env = environment(obj, spec, settings, attempt, holdout=held_out)
    marks = {LABEL_ATTEMPT: str(attempt), LABEL_GENERATION: str(obj["metadata"]["generation"])}
    metadata = child_metadata(obj, job_name(obj, attempt), component=COMPONENT, labels=marks)
    metadata["annotations"] = {
        ANNOTATION_DECLARED: declared_digest(spec, holdout=held_out),
        ANNOTATION_SPEC: spec_digest(spec),
    }
    if (output := output_uri(obj, spec, settings, attempt)) is not None:
        metadata["annotations"][ANNOTATION_OUTPUT] = output
    pod = _pod_spec(obj, spec, settings, attempt, env)
    template = pods.merge_template(
        pod, metadata["labels"], pod_options.template_with_defaults(settings.training_pods, spec.template)
    )
    body: Manifest = {
        "backoffLimit": 0,
        "completions": spec.replicas,
        "parallelism": spec.replicas,
        # After a suspension: a new pod must not write beside the former one, which may still be ending.
        "podReplacementPolicy": "Failed",
        # It fails at `backoffLimit` 0 all the same, but then the Job says why: an evicted pod is gone by then.
        "podFailurePolicy": {
            "rules": [{"action": "FailJob", "onPodConditions": [{"type": jobs.DISRUPTED, "status": "True"}]}]
        },
        "template": {**template, "spec": pod_options.lend_resources(template["spec"], borrowers=(CHECK, WAIT))},
    }
    if spec.replicas > 1:
        body["completionMode"] = "Indexed"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": body}


def _pod_spec(obj: Manifest, spec: TrainingJobSpec, settings: Settings, attempt: int, env: list[Manifest]) -> Manifest:
    own = PodOptions(resources=spec.resources, node_selector=spec.node_selector or None)
    options = pod_options.merged(pod_options.beside(settings.training_pods, spec.template.spec), own)
    output = output_uri(obj, spec, settings, attempt)
    written = [output] if output else []
    data = {entry.name: entry.uri for entry in spec.data}
    mounts = pods.location_mounts(read=data.values(), write=written)
    maps = config_maps.used(spec)
    pod = pods.pod_spec(
        containers=[pods.settings_container(spec, env=env, mounts=mounts, resources=options.resources)],
        init_containers=[*_check(data, maps, settings), *_wait(obj, spec, settings, attempt)],
        security_context=pod_options.security_context(settings.pod_security_context, options),
        volumes=[*pods.claim_volumes([*data.values(), *written]), *config_maps.volumes(maps)],
        options=options,
        service_account_name=spec.service_account_name,
        restart_policy="Never",
    )
    if spec.replicas > 1:
        pod["subdomain"] = service_name(obj)
    return pod


def _check(
    data: Mapping[str, str], maps: Mapping[str, Sequence[config_maps.Use]], settings: Settings
) -> list[Manifest]:
    """The project's own container that sees the whole claims, before the run sees its places on them, and that hashes
    the run's ConfigMaps. It is the first of the pod's containers: no other process can tamper with it."""
    if not pods.locations(data.values()) and not maps:
        return []
    step = check_step(data, config_maps=bool(maps))
    container = _step(step, settings, {env_names.PVC_ROOT: env_names.DEFAULT_PVC_ROOT})
    return [{**container, "volumeMounts": [*container["volumeMounts"], *config_maps.mounts(maps)]}]


def _wait(obj: Manifest, spec: TrainingJobSpec, settings: Settings, attempt: int) -> list[Manifest]:
    """The project's own container in which the replicas wait for each other; none where nobody is to be found."""
    if spec.replicas == 1 or brings_coordinator(spec):
        return []
    container = _step(Step(name=WAIT, module="rendezvous"), settings, {})
    return [{**container, "env": meeting_environment(obj, spec, attempt)}]


def _step(step: Step, settings: Settings, variables: Mapping[str, str]) -> Manifest:
    return step_container(step, image=settings.workload_image, variables=variables)


def render_service(obj: Manifest, name: str) -> Manifest:
    """The headless Service `name` of all attempts: one DNS name per replica, from the moment its pod has an address."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(obj, name, component=COMPONENT),
        "spec": {
            "clusterIP": "None",
            # Replicas look for each other before any of them is ready.
            "publishNotReadyAddresses": True,
            "selector": {
                "app.kubernetes.io/component": COMPONENT,
                LABEL_UID: obj["metadata"]["uid"],
            },
        },
    }
