# SPDX-License-Identifier: Apache-2.0
"""A training never sees the rows that a gate of its Model judges by."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODELS
from tests.unit.controllers.builders import condition, make
from tests.unit.controllers.trainingjob.driver import Run, begin

RULE = [{"name": "accuracy", "min": 0.9}]


def model(*uris: str) -> Manifest:
    gates = [
        {"name": f"alias-{number}", "gate": {"data": [{"name": "holdout", "uri": uri}], "metrics": RULE}}
        for number, uri in enumerate(uris)
    ]
    return make(MODELS, "digits", spec={"aliases": [{"name": "open"}, *gates]})


def train(*uris: str, **spec: Any) -> Run:
    """A training of the Model whose gates use these places."""
    return begin(model(*uris), model="digits", **spec)


def data(uri: str) -> list[Manifest]:
    return [{"name": "rows", "uri": uri}]


def reason(run: Run) -> str:
    return str(condition(run.obj, "Ready")["reason"]) if run.status.get("conditions") else "Started"


@pytest.mark.parametrize(
    ("declared", "used", "refused"),
    [
        ("pvc://data/holdout.npz", "pvc://data/holdout.npz", True),
        ("pvc://data/", "pvc://data/holdout.npz", True),
        ("pvc://data", "pvc://data/holdout.npz", True),
        ("pvc://data//holdout.npz/", "pvc://data/holdout.npz", True),
        ("pvc://data/gate", "pvc://data/gate/a/b.npz", True),
        ("pvc://data/gate/a/b.npz", "pvc://data/gate", True),
        ("pvc://data/a", "pvc://data", True),
        ("pvc://data/holdout", "pvc://data/holdout.npz", False),
        ("pvc://data/holdout.npz.bak", "pvc://data/holdout.npz", False),
        ("pvc://data/train.npz", "pvc://data/holdout.npz", False),
        ("pvc://other/holdout.npz", "pvc://data/holdout.npz", False),
    ],
)
def test_data_of_a_gate_stall_the_training(declared: str, used: str, refused: bool) -> None:
    run = train("pvc://elsewhere/x", used, data=data(declared))
    assert reason(run) == ("GateDataDeclared" if refused else "Started")
    assert len(run.cluster.world.all(JOBS)) == (0 if refused else 1)


def test_the_message_names_the_input_the_alias_and_what_to_do() -> None:
    run = train("pvc://data/holdout.npz", data=data("pvc://data"))
    stalled = condition(run.obj, "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "GateDataDeclared")
    assert stalled["message"] == (
        "spec.data rows (pvc://data) is or overlaps pvc://data/holdout.npz, the data input holdout of the gate of "
        "alias alias-0: a version must not be trained on the rows that it is judged by. Declare other data in the "
        "TrainingJob, or other gate data in the Model digits"
    )


def test_a_changed_spec_is_tried_again() -> None:
    run = train("pvc://data/holdout.npz", data=data("pvc://data/holdout.npz"))
    run.edit(data=data("pvc://data/train.npz"))
    assert len(run.cluster.world.all(JOBS)) == 1


def test_a_changed_model_is_tried_again() -> None:
    run = train("pvc://data/holdout.npz", data=data("pvc://data/holdout.npz"))
    run.cluster.edit(MODELS, "digits", aliases=[{"name": "open"}])
    run.settle()
    assert len(run.cluster.world.all(JOBS)) == 1


def test_a_gate_that_is_added_later_holds_the_next_attempt_and_not_the_running_one() -> None:
    run = train(data=data("pvc://data/holdout.npz"), backoffLimit=1)
    run.at(1).job_runs()
    run.cluster.edit(MODELS, "digits", aliases=model("pvc://data/holdout.npz")["spec"]["aliases"])
    run.settle()
    assert reason(run) == "Running"
    run.at(5).job_fails()
    run.at(60).settle()
    assert reason(run) == "GateDataDeclared"
    assert len(run.cluster.world.all(JOBS)) == 1


def test_it_costs_one_write_while_it_waits() -> None:
    run = train("pvc://data/holdout.npz", data=data("pvc://data/holdout.npz"))
    writes = list(run.cluster.writes)
    assert [write.split()[0] for write in writes] == ["status"]
    run.at(10_000).settle()
    assert run.cluster.writes == writes


def test_an_output_inside_a_gates_data_stalls_too() -> None:
    run = train("pvc://data/gate", output={"uri": "pvc://data/gate/sub"})
    assert reason(run) == "GateDataDeclared"
    assert "the output folder pvc://data/gate/sub/trainingjobs/digits-" in condition(run.obj, "Stalled")["message"]


def test_a_template_that_mounts_a_gates_claim_stalls_too() -> None:
    volumes = [{"name": "x", "configMap": {"name": "y"}}, {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    run = train("pvc://data/holdout.npz", template={"spec": {"volumes": volumes}})
    assert reason(run) == "GateDataDeclared"
    assert "spec.template.spec.volumes[1] (claim data)" in condition(run.obj, "Stalled")["message"]


def test_without_a_model_there_is_no_gate() -> None:
    assert reason(begin(model("pvc://data/holdout.npz"), data=data("pvc://data/holdout.npz"))) == "Started"


# -- the template shows no more of the claims that the operator mounts ---------------------------

SEES_ALL = {"name": "all", "persistentVolumeClaim": {"claimName": "store"}}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"volumes": [SEES_ALL]}, "template.spec.volumes[0]: expected another claim than store"),
        (
            {"volumes": [{"name": "all", "persistentVolumeClaim": {"claimName": "mlops-artifacts"}}]},
            "template.spec.volumes[0]: expected another claim than mlops-artifacts",
        ),
        (
            {"volumes": [{"name": "pvc-store", "persistentVolumeClaim": {"claimName": "other"}}]},
            "template.spec.volumes[0]: expected another name than 'pvc-store'",
        ),
        (
            {"containers": [{"name": "main", "volumeMounts": [{"name": "pvc-store", "mountPath": "/all"}]}]},
            "template.spec.containers[0].volumeMounts[0]: expected no mount of the operator's volumes",
        ),
        (
            {
                "containers": [
                    {"name": "main", "volumeMounts": [{"mountPath": "/mnt/pvc/store/train.npz", "subPath": ""}]}
                ]
            },
            "template.spec.containers[0].volumeMounts[0]",
        ),
        (
            {"initContainers": [{"name": "first", "volumeMounts": [{"name": "pvc-store", "mountPath": "/all"}]}]},
            "template.spec.initContainers[0].volumeMounts[0]",
        ),
        (
            {"initContainers": [{"name": "check-inputs", "command": ["true"]}]},
            "template.spec.initContainers[0]: expected another name than 'check-inputs'",
        ),
    ],
)
def test_a_template_that_shows_more_of_the_stores_is_refused(template: Manifest, words: str) -> None:
    run = begin(data=data("pvc://store/train.npz"), output={"uri": "pvc://store/out"}, template={"spec": template})
    stalled = condition(run.obj, "Stalled")
    assert (stalled["reason"], words in stalled["message"]) == ("InvalidPodTemplate", True), stalled["message"]
    assert run.cluster.world.all(JOBS) == []


def test_a_template_may_mount_other_claims() -> None:
    template = {
        "volumes": [{"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}}],
        "containers": [{"name": "main", "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]}],
    }
    assert reason(begin(data=data("pvc://store/train.npz"), template={"spec": template})) == "Started"
