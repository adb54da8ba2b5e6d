# SPDX-License-Identifier: Apache-2.0
"""Tasks on real pods: what is told of a try that fails, and what uses one up. Golden requests stand for all of them."""

import pytest

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    RUNNING,
    STORE,
    condition,
    config_map,
    digest,
    evict,
    fetch,
    golden_requests,
    manifest,
    served,
    version,
    wait_reason,
    wait_true,
    write_files,
)

pytestmark = pytest.mark.timeout(300)


def test_missing_golden_requests_are_told_at_the_first_try_and_mend_themselves(space: Kubectl) -> None:
    content, golden = '{"offset": 1}', golden_requests([(1.0, 2.0)])
    write_files(space, {"model.json": content})
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    checked = version("plus-1", "plus", "model.json", content)
    checked["spec"]["goldenRequests"] = {"uri": f"pvc://{STORE}/golden.json", "digest": digest(golden)}
    space.apply(checked)
    space.apply(served("plus", {"name": "plus", "version": "plus-1"}))
    told = wait_reason(space, "modeldeployment", "plus", "Retrying")
    failed = "plus-1 is running its golden-request check; try 1 of 3 failed: ArtifactNotFound: "
    assert condition(told)["message"].startswith(failed)
    write_files(space, {"golden.json": golden})
    ready = wait_true(space, "modeldeployment", "plus")
    assert ready["status"]["stable"]["golden"]["passed"] is True


def test_evicted_golden_requests_use_up_no_try(space: Kubectl) -> None:
    """Each of the answers takes some seconds: the pod that asks is evicted in the meantime."""
    content, golden = '{"offset": 1}', golden_requests([(1.0, 2.0)] * 4)
    write_files(space, {"model.json": content, "golden.json": golden})
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    checked = version("plus-1", "plus", "model.json", content)
    checked["spec"]["goldenRequests"] = {"uri": f"pvc://{STORE}/golden.json", "digest": digest(golden)}
    space.apply(checked)
    slow = [{"name": "BURN_MILLISECONDS", "value": "4000"}]
    patient = {"golden": {"maxLatency": "30s"}}
    space.apply(served("slow", {"name": "plus", "version": "plus-1"}, env=slow, rollout=patient))
    checking = space.wait("modeldeployment", "slow", is_checked, what="to be asked", timeout=RUNNING)
    job = checking["status"]["candidate"]["golden"]["job"]
    before = space.wait("job", job, lambda obj: obj.get("status", {}).get("ready") == 1, what="to run", timeout=RUNNING)
    (asking,) = space.list("pod", f"batch.kubernetes.io/job-name={job}")
    evict(space, asking["metadata"]["name"])
    told = wait_reason(space, "modeldeployment", "slow", "Retrying")
    words = f"disruption 1, which uses up no try: Evicted: pod {asking['metadata']['name']} was evicted from node "
    assert words in condition(told)["message"]
    ready = wait_true(space, "modeldeployment", "slow", timeout=200)
    assert ready["status"]["stable"]["golden"]["message"].startswith("4 requests: 0 mismatches, 0 errors, 0 slow")
    after = fetch(space, "job", job)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert (after["status"].get("failed", 0), after["status"]["succeeded"]) == (0, 1)
    assert space.list("pod", f"batch.kubernetes.io/job-name={job}")[0]["metadata"]["uid"] != asking["metadata"]["uid"]


def is_checked(obj: Manifest) -> bool:
    """Whether the candidate is running its golden-request check."""
    return ((obj.get("status") or {}).get("candidate") or {}).get("phase") == "Checking"
