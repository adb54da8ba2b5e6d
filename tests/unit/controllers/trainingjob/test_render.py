# SPDX-License-Identifier: Apache-2.0
"""The children of a TrainingJob."""

import json
import re
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.environment import parameter_variable
from mlops_operator.controllers.trainingjob.names import job_name
from mlops_operator.kube.resources import JOBS, MODELS, SERVICES, TRAINING_JOBS
from tests.unit.controllers.builders import condition, make
from tests.unit.controllers.trainingjob.driver import DIGEST, Run, begin
from tests.unit.controllers.views import views, volumes


def main_of(run: Run) -> Manifest:
    containers = run.job["spec"]["template"]["spec"]["containers"]
    return next(dict(container) for container in containers if container["name"] == "main")


def env_of(run: Run) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in main_of(run)["env"]}


def test_a_single_attempt_is_one_pod_that_is_never_restarted() -> None:
    job = begin().job
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"]) == (0, 1, 1)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "completionMode" not in spec
    assert begin().cluster.world.all(SERVICES) == []


def test_children_belong_to_the_job_by_uid() -> None:
    run = begin(replicas=2)
    for child in (run.job, run.cluster.only(SERVICES)):
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("TrainingJob", "uid-of-digits", True)
        assert child["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "mlops-operator"


def test_several_replicas_start_together_and_find_each_other() -> None:
    run = begin(replicas=4)
    spec = run.job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    service = run.cluster.only(SERVICES)
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert spec["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    env = env_of(run)
    assert env["MLOPS_REPLICAS"] == "4"
    host = f"{run.job['metadata']['name']}-0"
    assert env["MLOPS_COORDINATOR"] == f"{host}.{service['metadata']['name']}.team-a.svc"
    assert env["MLOPS_REPLICA_INDEX"] == {
        "fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}
    }


def test_a_service_deleted_while_it_runs_is_made_again() -> None:
    run = begin(replicas=2)
    run.at(2).job_runs()
    run.cluster.world.remove(run.cluster.only(SERVICES))
    run.settle()
    assert len(run.cluster.world.all(SERVICES)) == 1


def test_attempts_share_the_service() -> None:
    run = begin(replicas=2)
    run.at(2).job_fails()
    run.at(20).settle()
    assert len(run.cluster.world.all(JOBS)) == 2
    assert len(run.cluster.world.all(SERVICES)) == 1


def test_the_environment_is_that_of_the_contract() -> None:
    run = begin(
        parameters={"learning-rate": 0.1, "deep": True, "name": "svc", "layers": [1, 2]},
        data=[{"name": "train", "uri": "pvc://store/train.npz", "digest": DIGEST}],
        seed=7,
    )
    env = env_of(run)
    assert json.loads(env["MLOPS_PARAMETERS"]) == {
        "learning-rate": 0.1,
        "deep": True,
        "name": "svc",
        "layers": [1, 2],
    }
    assert env["MLOPS_PARAM_LEARNING_RATE"] == "0.1"
    assert env["MLOPS_PARAM_DEEP"] == "true"
    assert env["MLOPS_PARAM_NAME"] == "svc"
    assert env["MLOPS_PARAM_LAYERS"] == "[1,2]"
    assert json.loads(env["MLOPS_DATA"]) == [{"name": "train", "uri": "pvc://store/train.npz", "digest": DIGEST}]
    assert env["MLOPS_SEED"] == "7"
    assert env["MLOPS_RUN_UID"] == "uid-of-digits-0"
    assert env["MLOPS_REPLICA_INDEX"] == "0"


def gated(*shares: float | None) -> Manifest:
    """A Model with an alias for each share; None is a gate without recent rows."""
    aliases = [
        {
            "name": f"alias-{number}",
            "gate": {
                "data": [{"name": "rows", "uri": "pvc://store/rows.npz"}],
                "metrics": [{"name": "accuracy", "min": 0.9}],
                **({"recent": {"uri": "pvc://store/log", "share": share}} if share is not None else {}),
            },
        }
        for number, share in enumerate(shares)
    ]
    return make(MODELS, "letters", spec={"aliases": [*aliases, {"name": "without-gate"}]}, uid="uid-of-the-model")


@pytest.mark.parametrize(("shares", "share"), [((0.2,), 0.2), ((0.2, None, 0.35, 0.1), 0.35)])
def test_a_training_is_told_what_its_models_gates_hold_out(shares: tuple[float | None, ...], share: float) -> None:
    run = begin(gated(*shares), model="letters")
    assert json.loads(env_of(run)["MLOPS_HOLDOUT"]) == {"key": "uid-of-the-model", "share": share}


@pytest.mark.parametrize("shares", [(), (None, None)], ids=["no gate", "no recent rows"])
def test_without_recent_rows_nothing_is_held_out(shares: tuple[None, ...]) -> None:
    assert "MLOPS_HOLDOUT" not in env_of(begin(gated(*shares), model="letters"))


def test_what_is_held_out_is_part_of_the_inputs_digest() -> None:
    digests = {
        begin(gated(share), model="letters").job["metadata"]["annotations"]["mlops-operator.io/declared-inputs"]
        for share in (None, 0.2, 0.3)
    }
    assert len(digests) == 3


def test_what_was_not_asked_for_is_absent() -> None:
    run = begin()
    env = env_of(run)
    assert "MLOPS_SEED" not in env
    assert "MLOPS_COORDINATOR" not in env
    assert "MLOPS_OUTPUT_URI" not in env
    assert [mount["mountPath"] for mount in main_of(run)["volumeMounts"]] == ["/tmp"]


def test_what_becomes_a_version_goes_to_the_artifact_store_by_default() -> None:
    run = begin(make(MODELS, "letters", spec={}), model="letters")
    assert env_of(run)["MLOPS_OUTPUT_URI"].startswith("pvc://mlops-artifacts/trainingjobs/digits-")
    folder = env_of(run)["MLOPS_OUTPUT_URI"].removeprefix("pvc://mlops-artifacts/")
    assert views(run.job) == {
        "main": {
            "/tmp": "tmp (rw)",
            f"/mnt/pvc/mlops-artifacts/{folder}": f"pvc-mlops-artifacts/{folder} (rw)",
        }
    }


def test_dollars_reach_the_run_as_they_are() -> None:
    run = begin(parameters={"prompt": "$(HOME) costs $5"})
    assert env_of(run)["MLOPS_PARAM_PROMPT"] == "$$(HOME) costs $$5"


def test_parameters_that_would_become_one_variable_are_refused() -> None:
    run = begin(parameters={"a-b": 1, "a_b": 2})
    stalled = condition(run.obj, "Stalled")
    assert stalled["reason"] == "InvalidSpec"
    assert "a-b and a_b would both become MLOPS_PARAM_A_B" in stalled["message"]
    assert run.cluster.world.all(JOBS) == []
    run.edit(parameters={"a_b": None})
    assert len(run.cluster.world.all(JOBS)) == 1


@pytest.mark.parametrize(("name", "variable"), [("lr", "LR"), ("learning.rate", "LEARNING_RATE"), ("ß", "SS")])
def test_a_parameter_becomes_a_variable(name: str, variable: str) -> None:
    assert parameter_variable(name) == f"MLOPS_PARAM_{variable}"


def output_folder(run: Run, claim: str) -> str:
    return str(env_of(run)["MLOPS_OUTPUT_URI"]).removeprefix(f"pvc://{claim}/")


def test_a_run_sees_its_data_and_its_own_folder_and_no_more() -> None:
    run = begin(data=[{"name": "train", "uri": "pvc://data/train.npz"}], output={"uri": "pvc://out/runs"})
    folder = output_folder(run, "out")
    assert folder.startswith("runs/trainingjobs/digits-")
    assert views(run.job) == {
        "check-inputs": {"/tmp": "tmp (rw)", "/mnt/pvc/data": "pvc-data (ro)"},
        "main": {
            "/tmp": "tmp (rw)",
            "/mnt/pvc/data/train.npz": "pvc-data/train.npz (ro)",
            f"/mnt/pvc/out/{folder}": f"pvc-out/{folder} (rw)",
        },
    }
    assert set(volumes(run.job)) == {"tmp", "pvc-data", "pvc-out"}


def test_a_claim_that_is_read_and_written_shows_both_places_alone() -> None:
    run = begin(data=[{"name": "train", "uri": "pvc://store/train.npz"}], output={"uri": "pvc://store/out"})
    folder = output_folder(run, "store")
    assert views(run.job)["main"] == {
        "/tmp": "tmp (rw)",
        "/mnt/pvc/store/train.npz": "pvc-store/train.npz (ro)",
        f"/mnt/pvc/store/{folder}": f"pvc-store/{folder} (rw)",
    }


def test_the_next_attempt_sees_another_folder() -> None:
    run = begin(output={"uri": "pvc://out"})
    before = output_folder(run, "out")
    run.at(5).job_fails()
    run.at(60).settle()
    after = output_folder(run, "out")
    assert (before[:-1], after[-1]) == (after[:-1], "1")
    assert f"/mnt/pvc/out/{before}" not in views(run.job)["main"]


def test_the_places_of_data_are_checked_first_by_the_projects_own_image() -> None:
    data = [{"name": "train", "uri": "pvc://data/train.npz"}, {"name": "extra", "uri": "pvc://data/extra"}]
    (check,) = begin(data=data).job["spec"]["template"]["spec"]["initContainers"]
    assert check["image"] == Settings().workload_image
    assert check["command"] == ["python3", "-m", "mlops_workload.check_inputs"]
    assert check["args"] == ["train=pvc://data/train.npz", "extra=pvc://data/extra"]
    assert {entry["name"]: entry["value"] for entry in check["env"]} == {"MLOPS_PVC_ROOT": "/mnt/pvc"}


def test_without_data_there_is_no_other_container() -> None:
    assert "initContainers" not in begin(output={"uri": "pvc://out"}).job["spec"]["template"]["spec"]


def before_main(run: Run) -> list[Manifest]:
    return list(run.job["spec"]["template"]["spec"].get("initContainers") or ())


def test_every_replica_waits_for_the_others_at_replica_0() -> None:
    run = begin(replicas=2)
    (wait,) = before_main(run)
    assert (wait["name"], wait["image"]) == ("wait-for-coordinator", Settings().workload_image)
    assert wait["command"] == ["python3", "-m", "mlops_workload.rendezvous"]
    env = {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in wait["env"]}
    main = env_of(run)
    same = ("MLOPS_COORDINATOR", "MLOPS_REPLICAS", "MLOPS_REPLICA_INDEX")
    uid = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}}
    assert env == {**{name: main[name] for name in same}, "MLOPS_GANG": uid}


@pytest.mark.parametrize(
    "port", [{"value": "0"}, {"valueFrom": {"configMapKeyRef": {"name": "ports", "key": "rendezvous"}}}]
)
def test_the_port_to_meet_at_is_the_runs_own_setting(port: dict[str, Any]) -> None:
    entry = {"name": "MLOPS_RENDEZVOUS_PORT", **port}
    run = begin(replicas=2, env=[{"name": "OTHER", "value": "1"}, entry])
    wait = before_main(run)[-1]
    assert [given for given in wait["env"] if given["name"] in ("MLOPS_RENDEZVOUS_PORT", "OTHER")] == [entry]


def test_the_next_attempt_waits_for_its_own_replica_0() -> None:
    run = begin(replicas=2)
    first = env_of(run)["MLOPS_COORDINATOR"]
    run.at(5).job_fails()
    run.at(60).settle()
    assert before_main(run)[0]["env"][0]["value"] == env_of(run)["MLOPS_COORDINATOR"] != first


def test_missing_data_is_reported_without_waiting_for_the_others() -> None:
    run = begin(replicas=2, data=[{"name": "train", "uri": "pvc://data/train.npz"}])
    assert [container["name"] for container in before_main(run)] == ["check-inputs", "wait-for-coordinator"]


@pytest.mark.parametrize("value", ["", "elsewhere.example"])
def test_a_run_with_a_coordinator_of_its_own_waits_for_none(value: str) -> None:
    assert before_main(begin(replicas=2, env=[{"name": "MLOPS_COORDINATOR", "value": value}])) == []


def test_what_runs_before_a_run_takes_of_the_same_cpu_and_memory() -> None:
    # The scheduler counts the largest of the containers that run one after the other, a quota wants each to say.
    room = {"cpu": "2", "memory": "4Gi"}
    run = begin(
        replicas=2,
        data=[{"name": "train", "uri": "pvc://data/train.npz"}],
        resources={"requests": room, "limits": {**room, "example.com/gpu": "1"}},
    )
    assert [container["resources"] for container in before_main(run)] == [{"requests": room, "limits": room}] * 2
    assert main_of(run)["resources"]["limits"]["example.com/gpu"] == "1"


def test_what_runs_before_a_run_without_resources_has_none() -> None:
    assert "resources" not in before_main(begin(replicas=2))[0]


@pytest.mark.parametrize("name", ["check-inputs", "wait-for-coordinator"])
def test_a_template_does_not_change_what_runs_before_the_run(name: str) -> None:
    run = begin(replicas=2, template={"spec": {"initContainers": [{"name": name, "command": ["true"]}]}})
    assert condition(run.obj, "Stalled")["reason"] == "InvalidPodTemplate"
    assert f"expected another name than '{name}'" in condition(run.obj, "Stalled")["message"]


def test_a_persons_template_is_merged_in() -> None:
    template = {
        "metadata": {"labels": {"team": "vision"}},
        "spec": {
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "containers": [{"name": "main", "volumeMounts": [{"name": "s", "mountPath": "/scripts"}]}],
            "volumes": [{"name": "s", "configMap": {"name": "scripts"}}],
        },
    }
    run = begin(template=template, env=[{"name": "EXTRA", "value": "1"}])
    pod = run.job["spec"]["template"]
    assert pod["metadata"]["labels"]["team"] == "vision"
    assert pod["spec"]["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert {"/tmp", "/scripts"} <= {mount["mountPath"] for mount in main_of(run)["volumeMounts"]}
    assert env_of(run)["EXTRA"] == "1"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"template": {"spec": {"restartPolicy": "OnFailure"}}}, "restartPolicy: expected Never"),
        ({"replicas": 2, "template": {"spec": {"hostname": "me"}}}, "hostname: expected it to be absent"),
        ({"replicas": 2, "template": {"spec": {"subdomain": "us"}}}, "subdomain: expected it to be absent"),
        (
            {"replicas": 2, "template": {"spec": {"hostNetwork": True}}},
            "dnsPolicy: expected ClusterFirstWithHostNet with hostNetwork and replicas > 1, found 'ClusterFirst'",
        ),
    ],
)
def test_a_template_that_cannot_be_honoured_is_refused(spec: dict[str, Any], words: str) -> None:
    run = begin(**spec)
    assert condition(run.obj, "Stalled")["reason"] == "InvalidPodTemplate"
    assert words in condition(run.obj, "Stalled")["message"]
    assert run.cluster.world.all(JOBS) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": 1, "template": {"spec": {"hostNetwork": True}}},
        {"replicas": 2, "template": {"spec": {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}}},
        {
            "replicas": 2,
            "template": {"spec": {"hostNetwork": True}},
            "env": [{"name": "MLOPS_COORDINATOR", "value": "gpu-1.example"}],
        },
    ],
)
def test_the_hosts_network_is_for_runs_that_find_their_coordinator(spec: dict[str, Any]) -> None:
    assert begin(**spec).job["spec"]["template"]["spec"]["hostNetwork"] is True


@pytest.mark.parametrize("field", ["hostname", "subdomain"])
def test_a_single_replica_may_have_a_name_of_its_own(field: str) -> None:
    assert begin(replicas=1, template={"spec": {field: "me"}}).job["spec"]["template"]["spec"][field] == "me"


@pytest.mark.parametrize("name", ["d", "a.b.c", "x" * 253])
def test_a_jobs_name_leaves_room_for_the_index_of_a_replica(name: str) -> None:
    obj = make(TRAINING_JOBS, name)
    job = job_name(obj, 20)
    assert len(f"{job}-1023") <= 63
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job)
