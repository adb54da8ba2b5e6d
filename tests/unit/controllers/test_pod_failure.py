# SPDX-License-Identifier: Apache-2.0
"""Which container failed a pod, and what is told of it."""

from copy import deepcopy

import pytest

from mlops_operator.api.common import PodTemplate
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs, pods, tries
from mlops_operator.controllers.trainingjob.policies.failure import cause, gone
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import job_ended, later, make, pod_of, terminated

JOB = job_ended(make(JOBS, "digits-1-0", spec={"completions": 1}), at=later(60), succeeded=False)
TRACEBACK = """Traceback (most recent call last):
  File "/code/train.py", line 1, in <module>
    import torch
ModuleNotFoundError: No module named 'torch'
"""


def failed(main: Manifest, **others: Manifest) -> Manifest:
    """A failed pod with further containers in these states."""
    pod = pod_of(JOB, phase="Failed", main=main)
    pod["status"]["containerStatuses"] += [{"name": name, "state": state} for name, state in others.items()]
    return pod


def test_the_last_line_of_the_log_is_told_with_the_exit_code() -> None:
    found = cause(JOB, [failed(terminated(TRACEBACK, exit_code=1))])
    assert str(found) == "Error (exit code 1): ModuleNotFoundError: No module named 'torch'"


def test_an_error_of_the_container_runtime_is_told_as_it_is() -> None:
    words = 'exec: "python3": argument list too long'
    found = cause(JOB, [failed(terminated(words, exit_code=128, reason="StartError"))])
    assert str(found) == f"StartError (exit code 128): {words}"


def test_a_side_container_that_fails_beside_a_good_run_is_named() -> None:
    pod = failed(terminated(), uploader=terminated("403 from the store\n", exit_code=7))
    found = cause(JOB, [pod])
    assert (found.exit_code, str(found)) == (7, "Error (exit code 7): container uploader: 403 from the store")


def test_of_several_side_containers_the_first_to_fail_is_the_cause() -> None:
    late, early = terminated(exit_code=1, finished=later(9)), terminated(exit_code=2, finished=later(3))
    found = jobs.pod_failure(failed(terminated(), second=late, first=early))
    assert found is not None
    assert (found.container, found.exit_code) == ("first", 2)


def test_the_main_container_comes_first() -> None:
    early = terminated(exit_code=2, finished=later(3))
    found = jobs.pod_failure(failed(terminated("bang", exit_code=1, finished=later(9)), side=early))
    assert found is not None
    assert found.container == "main"


def test_an_init_container_that_fails_is_named_unless_it_says_why_itself() -> None:
    pod = pod_of(JOB, phase="Failed")
    entry = {"name": "unpack", "state": terminated("tar: no space left on device", exit_code=2)}
    pod["status"]["initContainerStatuses"] = [entry]
    assert tries.cause(pod) == ("Error", "container unpack: tar: no space left on device")
    entry["state"] = terminated('{"reason": "DataInvalid", "message": "row 7"}', exit_code=6)
    assert tries.cause(pod) == ("DataInvalid", "row 7")


def test_a_container_without_words_is_told_by_its_name() -> None:
    assert str(cause(JOB, [failed(terminated(), side=terminated(exit_code=137, reason="OOMKilled"))])) == (
        "OOMKilled (exit code 137): container side"
    )


def test_what_a_container_with_foreign_code_wrote_is_not_told() -> None:
    pod = failed(terminated(), candidate=terminated("trust me", exit_code=3))
    pod["metadata"]["annotations"] = {jobs.ANNOTATION_FOREIGN: "candidate"}
    reason, message = tries.cause(pod)
    assert (reason, "trust me" in message) == ("PredictionFailed", False)


@pytest.mark.parametrize("kind", ["containers", "initContainers"])
def test_containers_of_a_template_are_heard_through_their_log_too(kind: str) -> None:
    ours = pods.pod_spec(containers=[pods.container(image="i")], security_context={})
    theirs = {kind: [{"name": "a", "image": "i"}, {"name": "b", "image": "i", "terminationMessagePolicy": "File"}]}
    template, before = PodTemplate.model_validate({"spec": theirs}), deepcopy(theirs)
    merged = {entry["name"]: entry for entry in pods.merge_template(ours, {}, template)["spec"][kind]}
    assert merged["a"]["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert merged["b"]["terminationMessagePolicy"] == "File"
    assert theirs == before  # the cache's own object


def test_a_job_that_failed_by_a_disruption_tells_what_its_pods_say_of_it() -> None:
    pod = pod_of(JOB, phase="Failed", main=terminated(exit_code=143))
    told = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API"}
    pod["status"]["conditions"] = [told]
    pod["spec"]["nodeName"] = "worker-2"
    found = cause(JOB, [pod_of(JOB, phase="Running", main={"running": {}}), pod])
    assert found.disrupted
    assert "node worker-2" in found.message


@pytest.mark.parametrize(
    ("completions", "ranks", "whose"), [(1, [0], "Job"), (3, [1, 2], "rank 1, 2 of Job"), (3, [], "Job")]
)
def test_a_pod_that_is_gone_is_told_with_its_rank_where_the_job_has_several(
    completions: int, ranks: list[int], whose: str
) -> None:
    job = make(JOBS, "digits-1-0", spec={"completions": completions})
    assert gone(job, ranks).message.startswith(f"the pod of {whose} digits-1-0 no longer exists")
