# SPDX-License-Identifier: Apache-2.0
"""The pods of a model server."""

from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import ModelDeploymentSpec
from mlops_operator.api.modelversion import ModelVersionSpec
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint, draw
from mlops_operator.controllers.modeldeployment.server_pods import GRACE_PERIOD_SECONDS, pod_template, surroundings
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS
from tests.unit.controllers.builders import make
from tests.unit.controllers.modeldeployment.scene import DIGESTS, model_version
from tests.unit.controllers.views import views

PARENT = make(MODEL_DEPLOYMENTS, "digits", spec={})
SETTINGS = Settings(
    workload_image="example/workload:1", server_image="example/server:1", mlserver_image="example/mlserver:1"
)


def template(**spec: Any) -> Manifest:
    blueprint = draw(
        ModelDeploymentSpec.model_validate({"model": {"name": "digits", "alias": "champion"}, **spec}),
        name="digits-1",
        uid="u",
        version=ModelVersionSpec.model_validate(model_version("digits-1")["spec"]),
        settings=SETTINGS,
    )
    assert isinstance(blueprint, Blueprint)
    return pod_template(PARENT, blueprint, surroundings(None, SETTINGS))


def main(**spec: Any) -> Manifest:
    (container,) = template(**spec)["spec"]["containers"]
    result: Manifest = container
    return result


def test_the_model_is_fetched_and_proven_before_the_server_starts() -> None:
    (fetch,) = template()["spec"]["initContainers"]
    assert fetch["image"] == "example/workload:1"
    assert fetch["command"] == ["python3", "-m", "mlops_workload.fetch"]
    assert fetch["args"] == ["--uri=pvc://store/digits-1", f"--digest={DIGESTS['digits-1']}", "--to=/mnt/model"]
    store = next(mount for mount in fetch["volumeMounts"] if mount["name"] == "pvc-store")
    assert store == {"name": "pvc-store", "mountPath": "/mnt/pvc/store", "readOnly": True}


def test_the_server_reads_the_model_and_cannot_write_it() -> None:
    assert views({"spec": {"template": template()}}) == {
        "fetch": {"/tmp": "tmp (rw)", "/mnt/pvc/store": "pvc-store (ro)", "/mnt/model": "model (rw)"},
        "main": {"/tmp": "tmp (rw)", "/mnt/model": "model (ro)"},
    }


def test_the_runtime_tables_entry_is_filled_in() -> None:
    assert main()["image"] == "example/server:1"
    assert main()["args"] == [
        "--model-name=digits",
        "--model-version=digits-1",
        "--model-dir=/mnt/model",
        "--format=sklearn",
        "--port=8080",
    ]


def test_mlserver_is_asked_for_by_name_and_told_by_its_environment() -> None:
    container = main(runtime={"name": "mlserver-sklearn"})
    assert container["image"] == "example/mlserver:1"
    assert container["command"] == ["python3", "-m", "mlops_workload.runtimes.mlserver_server"]
    told = {entry["name"]: entry["value"] for entry in container["env"]}
    assert told["MLSERVER_MODEL_NAME"] == "digits"
    assert told["MLSERVER_MODEL_VERSION"] == "digits-1"
    assert told["MLSERVER_MODEL_URI"] == "/mnt/model"
    assert told["MLSERVER_HTTP_PORT"] == str(container["ports"][0]["containerPort"])
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/models/digits/ready"


def test_a_custom_server_is_told_by_its_environment() -> None:
    custom = {"image": "example/own:1", "command": ["serve"], "args": ["{not a field}"], "port": 9000}
    container = main(runtime={"custom": custom})
    assert (container["image"], container["command"], container["args"]) == (
        "example/own:1",
        ["serve"],
        ["{not a field}"],
    )
    assert {entry["name"]: entry["value"] for entry in container["env"]} == {
        "MLOPS_MODEL_DIR": "/mnt/model",
        "MLOPS_MODEL_NAME": "digits",
        "MLOPS_MODEL_VERSION": "digits-1",
    }
    assert container["ports"] == [{"name": "http", "containerPort": 9000}]


def test_probes_ask_for_the_model_and_liveness_for_the_server() -> None:
    container = main()
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/v2/models/digits/ready", "port": "http"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert container["startupProbe"]["periodSeconds"] == 1


def test_a_server_is_drained_before_it_is_told_to_end() -> None:
    assert main()["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert template()["spec"]["terminationGracePeriodSeconds"] == GRACE_PERIOD_SECONDS == 35


def test_it_runs_restricted() -> None:
    spec = template()["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    for container in (*spec["containers"], *spec["initContainers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


def test_peoples_variables_and_settings_win() -> None:
    spec = {
        "env": [{"name": "OMP_NUM_THREADS", "value": "4"}],
        "resources": {"limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "ssd"},
        "template": {
            "metadata": {"labels": {"team": "a", "mlops-operator.io/revision": "mine"}},
            "spec": {"containers": [{"name": "main", "imagePullPolicy": "Always"}], "priorityClassName": "high"},
        },
    }
    container = main(**spec)
    assert container["env"] == [{"name": "OMP_NUM_THREADS", "value": "4"}]
    assert container["resources"] == {"requests": {"cpu": "50m"}, "limits": {"cpu": "500m", "memory": "1Gi"}}
    assert container["imagePullPolicy"] == "Always"
    pod = template(**spec)
    assert pod["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert pod["spec"]["priorityClassName"] == "high"
    assert pod["metadata"]["labels"]["team"] == "a"
    assert pod["metadata"]["labels"]["mlops-operator.io/revision"] != "mine"
