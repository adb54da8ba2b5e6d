# SPDX-License-Identifier: Apache-2.0
"""What is kept of children, and what of their changes is news."""

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.watches import trim_child, trim_job, trim_pod
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.cache.store import Store


def job(version: int, status: Manifest) -> Manifest:
    metadata = {"name": "j", "namespace": "ns", "uid": "u", "resourceVersion": str(version)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}, "status": status}


def condition(kind: str) -> Manifest:
    return {"type": kind, "status": "True"}


def test_only_what_plans_read_of_a_jobs_status_is_news() -> None:
    store = Store(JOBS, trim=trim_job)
    running = {"startTime": "2026-01-01T00:00:00Z", "ready": 0, "active": 1}
    announced = {"conditions": [condition("SuccessCriteriaMet")], "uncountedTerminatedPods": {"succeeded": ["p"]}}
    assert store.observe(job(1, {**running, "terminating": 0}))
    assert store.observe(job(2, {**running, **announced, "succeeded": 1})) is None
    assert store.observe(job(3, {**running, **announced, "terminating": 1})) is None
    assert store.observe(job(4, {**running, "ready": 1}))
    assert store.observe(job(5, {**running, "ready": 1, "failed": 1})) is None
    assert store.observe(job(6, {**running, "ready": 1, "active": 2}))
    for version, kind in enumerate(("Suspended", "Failed", "Complete"), start=7):
        assert store.observe(job(version, {**running, "conditions": [condition(kind)]})), kind


def test_a_try_that_failed_is_news_and_the_last_one_is_told_by_the_end_of_the_job() -> None:
    store = Store(JOBS, trim=trim_job)

    def with_failed(version: int, failed: int) -> Manifest:
        return {**job(version, {"ready": 1, "failed": failed}), "spec": {"backoffLimit": 2}}

    news = [store.observe(with_failed(version, failed)) is not None for version, failed in enumerate((0, 1, 1, 2, 3))]
    assert news == [True, True, False, True, False]


def test_a_pod_that_is_told_to_go_is_news_unless_the_job_has_come_to_its_end() -> None:
    store = Store(JOBS, trim=trim_job)
    assert store.observe(job(1, {"active": 1}))
    assert store.observe(job(2, {"active": 1, "terminating": 1}))
    for kind in ("FailureTarget", "SuccessCriteriaMet"):
        ending = trim_job(job(3, {"active": 1, "terminating": 1, "conditions": [condition(kind)]}))
        assert "terminating" not in ending["status"]


def test_of_several_ranks_each_that_ends_is_news() -> None:
    several = {**job(1, {"active": 2, "succeeded": 1}), "spec": {"completions": 3}}
    assert trim_job(several)["status"]["succeeded"] == 1
    assert "succeeded" not in trim_job({**several, "spec": {"completions": 1}})["status"]
    two = {**several, "spec": {"completions": 2}}
    assert trim_job(two)["status"]["succeeded"] == 1
    assert "succeeded" not in trim_job({**two, "status": {"active": 2, "succeeded": 0}})["status"]


def test_of_a_job_what_plans_read_is_kept() -> None:
    full = job(1, {"ready": 1})
    full["metadata"]["annotations"] = {"mlops-operator.io/lost-results": "1", "other": "x"}
    full["spec"] = {"suspend": True, "completions": 2, "template": {"spec": {}}}
    trimmed = trim_job(full)
    assert trimmed["metadata"]["annotations"] == {"mlops-operator.io/lost-results": "1"}
    assert trimmed["spec"] == {"suspend": True, "completions": 2}
    bare = trim_job({"metadata": {"name": "j", "annotations": {"other": "x"}}, "spec": {}})
    assert (bare["metadata"], bare["spec"], bare["status"]) == ({"name": "j"}, {}, {})


def test_of_a_child_that_is_compared_all_but_bookkeeping_is_kept() -> None:
    kubectl = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    metadata = {"name": "d", "uid": "u", "managedFields": [{}], "annotations": {**kubectl, "a": "b"}}
    child = {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1}, "status": {"replicas": 1}}
    kept = {"name": "d", "uid": "u", "annotations": {"a": "b"}}
    assert trim_child(child) == {**child, "metadata": kept}
    for annotations in (kubectl, None):
        alone = trim_child({**child, "metadata": {**metadata, "annotations": annotations}})
        assert alone["metadata"] == {"name": "d", "uid": "u"}


def test_of_a_servers_pod_its_node_and_status_are_kept() -> None:
    pod = {"metadata": {"name": "p", "uid": "u"}, "spec": {"nodeName": "n", "containers": []}, "status": {"phase": "X"}}
    assert trim_pod(pod) == {**pod, "apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": "n"}}
    assert trim_pod({"metadata": {"name": "p"}})["status"] == trim_pod({"metadata": {}})["spec"] == {}
