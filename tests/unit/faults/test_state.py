# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    MODELS,
    PODS,
    SERVICES,
    TRAINING_JOBS,
    Resource,
)
from tests.faults.history import History
from tests.faults.oracles import end_state
from tests.faults.oracles.state import Scalar
from tests.unit.controllers.builders import make
from tests.unit.faults.story import changed, child, conditions

JOB = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


def leaves(resource: Resource, obj: Manifest) -> dict[str, Scalar]:
    """All that is compared of one object but its identity."""
    found = dict(end_state({resource: [obj]}, History()).objects)
    found.pop("pods")
    (values,) = found.values()
    return {path: value for path, value in values.items() if path.partition(".")[0] in ("spec", "status", "metadata")}


def test_the_servers_own_books_are_left_out() -> None:
    obj = make(TRAINING_JOBS, "job", spec={"image": "i"}, uid=JOB, generation=4)
    obj["metadata"] |= {"managedFields": [{"manager": "m"}], "selfLink": "/x", "labels": {"of": JOB}}
    assert leaves(TRAINING_JOBS, obj) == {
        "metadata.name": "job",
        "metadata.labels.of": "<uid of trainingjobs/job>",
        "spec.image": "i",
    }


def test_a_deletion_under_way_is_a_flag() -> None:
    obj = changed(make(TRAINING_JOBS, "job"), metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert leaves(TRAINING_JOBS, obj)["metadata.deletionTimestamp"] == "set"


@pytest.mark.parametrize(("seen", "shown"), [(-1, "never"), (2, "2 behind"), (4, "current")])
def test_generations_are_compared_by_their_distance(seen: int, shown: str) -> None:
    ready = {"type": "Ready", "observedGeneration": seen}
    obj = make(TRAINING_JOBS, "job", status={"observedGeneration": seen, "conditions": [ready]}, generation=4)
    found = leaves(TRAINING_JOBS, obj)
    assert found["status.observedGeneration"] == found["status.conditions[Ready].observedGeneration"] == shown


def test_conditions_are_told_apart_by_their_type() -> None:
    one = make(MODELS, "m", status={"conditions": conditions(Ready=("True", "A"), Stalled=("False", "B"))})
    two = make(MODELS, "m", status={"conditions": conditions(Stalled=("False", "B"), Ready=("True", "A"))})
    assert leaves(MODELS, one) == leaves(MODELS, two)
    assert leaves(MODELS, one)["status.conditions[Ready].reason"] == "A"


def test_lists_without_names_keep_their_order() -> None:
    found = leaves(MODELS, make(MODELS, "m", spec={"args": ["b", "a"], "none": [], "empty": {}, "null": None}))
    assert (found["spec.args[0]"], found["spec.args[1]"]) == ("b", "a")
    assert (found["spec.none"], found["spec.empty"], found["spec.null"]) == ("[]", "{}", None)


def test_keys_with_one_mask_are_both_kept() -> None:
    found = leaves(MODELS, make(MODELS, "m", spec={"aaaaaaaa": 1, "bbbbbbbb": 2}))
    assert {found["spec.#"], found["spec.#~2"]} == {1, 2}


def test_addresses_are_masked_and_a_headless_service_stays_one() -> None:
    spec = {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ports": [{"name": "http", "nodePort": 30001}]}
    found = leaves(SERVICES, make(SERVICES, "s", spec=spec))
    assert found["spec.clusterIP"] == found["spec.clusterIPs"] == found["spec.ports[http].nodePort"] == "*"
    assert leaves(SERVICES, make(SERVICES, "s", spec={"clusterIP": "None"}))["spec.clusterIP"] == "None"


def test_a_deployment_made_again_is_the_same_whether_or_not_it_met_the_former_ones_pods() -> None:
    met = leaves(DEPLOYMENTS, make(DEPLOYMENTS, "d", status={"collisionCount": 1, "replicas": 2}))
    assert met == leaves(DEPLOYMENTS, make(DEPLOYMENTS, "d", status={"replicas": 2}))


def test_events_do_not_belong_to_the_state() -> None:
    assert end_state({EVENTS: [make(EVENTS, "e")]}, History()).objects == {"pods": {}}


def pod(owner: Manifest, phase: str, *, ready: bool = False, name: str = "p", **metadata: Any) -> Manifest:
    status = {"phase": phase, "conditions": conditions(Ready=("True" if ready else "False", "R"))}
    return changed(make(PODS, name, status=status, owner=owner), metadata=metadata)


def test_pods_are_counted_by_owner_and_phase() -> None:
    job, deployment = make(JOBS, "job-aaaaaaaa", uid=JOB), make(DEPLOYMENTS, "served-aaaaaaaa")
    replica_set = {"apiVersion": "apps/v1", "kind": "ReplicaSet", **make(DEPLOYMENTS, "served-aaaaaaaa-7d9f8")}
    replica_set["kind"] = "ReplicaSet"
    served = pod(replica_set, "Running", ready=True, labels={"pod-template-hash": "7d9f8"})
    pods = [
        pod(job, "Failed", name="one"),
        pod(job, "Failed", name="two"),
        pod(job, "Running"),
        served,
        pod(job, "Running", deletionTimestamp="2026-01-01T00:00:00Z"),
        pod(make(JOBS, "job-aaaaaaaa", uid="former"), "Running"),
        make(PODS, "of nobody"),
    ]
    found = end_state({JOBS: [job], DEPLOYMENTS: [deployment], PODS: pods}, History()).objects["pods"]
    assert found == {
        "of deployments/served-#: Running and ready": 1,
        "of jobs/job-#: Failed": 2,
        "of jobs/job-#: Running": 1,
    }


def test_two_runs_of_one_path_end_alike() -> None:
    def run(parent_uid: str, number: str, moment: str) -> dict[Resource, list[Manifest]]:
        parent = make(TRAINING_JOBS, "job", spec={}, uid=parent_uid, status={"startTime": moment})
        return {TRAINING_JOBS: [parent], JOBS: [child(JOBS, f"job-{number}-0", parent, uid=parent_uid[::-1])]}

    one = run(JOB, "0a1b2c3d", "2026-01-01T00:00:00Z")
    two = run("7ba7b810-9dad-41d1-80b4-00c04fd430c8", "ffffffff", "2026-01-02T00:00:00Z")
    assert end_state(one, History()) == end_state(two, History())
