# SPDX-License-Identifier: Apache-2.0
"""The pods of a model server: fetch the model, prove its digest, serve it, drain before the end."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from mlops_contract import environment as env_names
from mlops_operator.api.common import PodOptions, Resources
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import RESTARTED_AT
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import pod_options, pods
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import child_labels

MODEL_DIR: Final = "/mnt/model"
MODEL_VOLUME: Final = "model"

ENV_MODEL_DIR: Final = "MLOPS_MODEL_DIR"
ENV_MODEL_NAME: Final = "MLOPS_MODEL_NAME"
ENV_MODEL_VERSION: Final = "MLOPS_MODEL_VERSION"

STARTUP_SECONDS: Final = 3600
"""How long the kubelet lets a server load its model before it restarts it. A candidate's progress
deadline comes first; a stable version that is restarted, with a model that takes long to load,
must not be killed over and over."""

DRAIN_SECONDS: Final = 5
"""Time between a pod's removal from the Service and its server's SIGTERM: every node has taken the
endpoint out of its rules by then, so no request meets a closed port."""

SERVER_GRACE_SECONDS: Final = 25
"""Time a server has to finish the requests in flight; the default server takes no longer."""

GRACE_PERIOD_SECONDS: Final = DRAIN_SECONDS + SERVER_GRACE_SECONDS + 5
"""The drain, the server's own time, and some to spare before the kubelet kills."""


class Surroundings(NamedTuple):
    """What the installation gives the pods of a revision. It is not part of the revision: existing pods keep theirs.

    Attributes:
        fetch_image: image of the init container.
        security_context: of the pod.
        options: defaults of the pods; None for a Deployment of a release that had none, and gave the init container
            no resources.
    """

    fetch_image: str
    security_context: Mapping[str, Any]
    options: PodOptions | None = None


def surroundings(deployment: Manifest | None, settings: Settings) -> Surroundings:
    """Those that the Deployment has, or the present ones for a new Deployment."""
    spec = (deployment or {}).get("spec", {}).get("template", {}).get("spec", {})
    for container in spec.get("initContainers") or ():
        if container["name"] == names.FETCH:
            return Surroundings(container["image"], spec.get("securityContext") or {}, _recorded(deployment))
    context = pod_options.security_context(settings.pod_security_context, settings.server_pods)
    return Surroundings(settings.workload_image, context, settings.server_pods)


def _recorded(deployment: Manifest | None) -> PodOptions | None:
    """The defaults that the Deployment's pods were made with, as the operator left them in an annotation."""
    found = ((deployment or {}).get("metadata", {}).get("annotations") or {}).get(names.ANNOTATION_POD_OPTIONS)
    try:
        return PodOptions.model_validate_json(found) if found is not None else None
    except ValidationError:
        return None  # changed by hand: the next revision has the present defaults


def annotations(given: Surroundings) -> dict[str, str]:
    """What the Deployment is to remember of its surroundings: what its pods do not show."""
    if given.options is None:
        return {}
    options = given.options.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return {names.ANNOTATION_POD_OPTIONS: compact_json(options)}


def pod_template(parent: Manifest, blueprint: Blueprint, given: Surroundings) -> Manifest:
    """The pod template of a revision."""
    uris = [blueprint.artifact.uri]
    own = PodOptions(resources=blueprint.resources, node_selector=blueprint.node_selector or None)
    defaults = pod_options.beside(given.options or PodOptions(), blueprint.template.spec)
    options = pod_options.merged(defaults, own)
    fetch = pods.container(
        name=names.FETCH,
        image=given.fetch_image,
        command=["python3", "-m", "mlops_workload.fetch"],
        args=[f"--uri={pods.literal(blueprint.artifact.uri)}", f"--digest={blueprint.digest}", f"--to={MODEL_DIR}"],
        env=pods.environment({env_names.PVC_ROOT: env_names.DEFAULT_PVC_ROOT}),
        mounts=[*pods.claim_mounts(uris), {"name": MODEL_VOLUME, "mountPath": MODEL_DIR}],
        heard_by_log=False,
    )
    spec = pods.pod_spec(
        containers=[_server(blueprint, options.resources)],
        init_containers=[fetch],
        security_context=given.security_context,
        volumes=[*pods.claim_volumes(uris), {"name": MODEL_VOLUME, "emptyDir": {}}],
        options=options,
    )
    spec["terminationGracePeriodSeconds"] = GRACE_PERIOD_SECONDS
    labels = {**child_labels(parent, component=names.SERVER), names.LABEL_REVISION: blueprint.revision}
    template = pods.merge_template(spec, labels, pod_options.template_with_defaults(defaults, blueprint.template))
    if blueprint.restarted_at is not None:
        template["metadata"].setdefault("annotations", {})[RESTARTED_AT] = blueprint.restarted_at
    if given.options is None:
        return template
    lent = pod_options.lend_resources(template["spec"], borrowers=(names.FETCH,))
    return {**template, "spec": lent}


def _server(blueprint: Blueprint, resources: Resources) -> Manifest:
    server = blueprint.server
    facts = {
        "model": blueprint.model,
        "version": blueprint.version,
        "format": blueprint.artifact.format,
        "dir": MODEL_DIR,
    }
    if blueprint.custom:
        values = {
            ENV_MODEL_DIR: MODEL_DIR,
            ENV_MODEL_NAME: blueprint.model,
            ENV_MODEL_VERSION: blueprint.version,
        }
        args = list(server.args)
    else:
        values = {name: value.format(**facts) for name, value in server.env.items()}
        literals = {name: pods.literal(value) for name, value in facts.items()}
        args = [argument.format(**literals) for argument in server.args]
    theirs = [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in blueprint.env]
    set_by_them = {entry["name"] for entry in theirs}
    ours = [entry for entry in pods.environment(values) if entry["name"] not in set_by_them]
    container = pods.container(
        image=server.image,
        command=server.command,
        args=args,
        env=[*ours, *theirs],
        mounts=[{"name": MODEL_VOLUME, "mountPath": MODEL_DIR, "readOnly": True}],
        resources=resources,
    )
    container["ports"] = [{"name": names.PORT_NAME, "containerPort": server.port}]
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}
    container.update(_probes(blueprint.model))
    return container


def _probes(model: str) -> Manifest:
    """Startup and readiness ask for the model; liveness only whether the server still answers at all.

    A server that is busy is slow, not dead: liveness is patient (a minute), readiness takes it
    out of the Service after three answers that did not come within three seconds.
    """
    ready = {"httpGet": {"path": f"/v2/models/{model}/ready", "port": names.PORT_NAME}}
    live = {"httpGet": {"path": "/v2/health/live", "port": names.PORT_NAME}}
    return {
        "startupProbe": {**ready, "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": STARTUP_SECONDS},
        "readinessProbe": {**ready, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3},
        "livenessProbe": {**live, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 6},
    }
