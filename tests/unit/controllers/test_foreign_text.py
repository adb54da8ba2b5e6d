# SPDX-License-Identifier: Apache-2.0
"""No text in a pod stops an object: whatever containers and users write, a plan is made and the object ends."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_contract import ResultInvalidError
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs, pending, tries
from mlops_operator.controllers.shared.task import observe_task
from mlops_operator.controllers.trainingjob.policies.failure import cause
from mlops_operator.framework.waiting import wait_for
from mlops_operator.kube.resources import EVALUATIONS, JOBS
from tests.unit.controllers.builders import NOW, condition, failed_pod, job_ended, make, pod_of, succeeded_pod
from tests.unit.controllers.evaluation import test_plan as evaluation
from tests.unit.controllers.modelversion import driver as modelversion
from tests.unit.controllers.trainingjob import driver as trainingjob

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
WORDS = st.one_of(
    st.none(),
    ANY_TEXT,
    st.sampled_from(
        [
            "[" * 3000,
            '{"a":' * 2000,
            '{"reason":"X\\ud800","message":"\\udfff"}',
            '{"reason":"Bad\\nReason","message":"m"}',
            '{"reason":["X"],"message":"m"}',
            '{"reason":"DataInvalid","message":{"x":1}}',
            '{"reason":"DataInvalid","message":"\\u0000\\u001b[31m"}',
            '{"reason":"' + "R" * 500 + '","message":"m"}',
            '{"reason":"","message":""}',
            '["reason"]',
            "null",
            "1e999",
        ]
    ),
)
LABELS = st.sampled_from(["0", "1", "zz", "-1", "", "99999999999999999999", "٣"])
MESSAGES = ["", "[" * 3000, '{"a":' * 2000, '{"reason":"X\\ud800","message":"\\udfff"}', "\ud800", "\x00" * 4000]


@st.composite
def pods(draw: st.DrawFn) -> list[Manifest]:
    job = make(JOBS, "job", spec={})
    found = []
    for _ in range(draw(st.integers(0, 2))):
        state = draw(
            st.one_of(
                st.fixed_dictionaries({"waiting": st.fixed_dictionaries({"reason": ANY_TEXT, "message": WORDS})}),
                st.fixed_dictionaries(
                    {
                        "terminated": st.fixed_dictionaries(
                            {"exitCode": st.integers(-1, 255), "reason": WORDS, "message": WORDS}
                        )
                    }
                ),
                st.just({}),
            )
        )
        unscheduled = {
            "type": "PodScheduled",
            "status": draw(st.sampled_from(["True", "False"])),
            "message": draw(WORDS),
        }
        pod = pod_of(job, phase=draw(st.sampled_from(["Pending", "Running", "Succeeded", "Failed"])), main=state)
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] = draw(LABELS)
        pod["status"] |= {"conditions": [unscheduled], "reason": draw(WORDS), "message": draw(WORDS)}
        found.append(pod)
    return found


@given(pods(), st.booleans(), WORDS, WORDS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_every_reading_of_a_job_and_its_pods_comes_to_an_end(
    found: list[Manifest], succeeded: bool, reason: str | None, message: str | None
) -> None:
    job = job_ended(make(JOBS, "job", spec={"backoffLimit": 2}), at=NOW, succeeded=succeeded)
    job["status"]["conditions"][0] |= {"reason": reason, "message": message}
    job["metadata"]["labels"] = {"mlops-operator.io/generation": message or ""}
    for job_state in (job, {**job, "status": {}}, {**job, "status": {"ready": 1, "failed": 1}}):
        state = observe_task("uid", job_state, found, NOW)
        assert_sendable(state.reason, state.message)
    assert_sendable(str(cause(job, found)), *tries.failure(job, found))
    problem = pending.job_problem(job, found, {})
    if problem is not None:
        assert_sendable(wait_for(None, NOW, problem.reason, problem.message).message)
    assert isinstance(jobs.reported(found, uid="uid"), ResultInvalidError)
    assert jobs.generation_of(job, 1) >= 0


def assert_sendable(*texts: str) -> None:
    for text in texts:
        assert text.encode().decode() == text
        assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(character) for character in text}


def _training(message: str, succeeded: bool) -> Manifest:
    run = trainingjob.begin(model=None, output={"uri": "pvc://store/x"}, backoffLimit=0)
    run.at(5)
    (run.job_succeeds if succeeded else run.job_fails)(message)
    return run.obj


def _version(message: str, succeeded: bool) -> Manifest:
    version = modelversion.begin()
    version.at(5)
    pod = succeeded_pod(version.job, message) if succeeded else failed_pod(version.job, message)
    version._ends(pod, succeeded=succeeded)
    version.settle()
    return version.obj


def _evaluation(message: str, succeeded: bool) -> Manifest:
    toy, job = evaluation.started()
    pod = succeeded_pod(job, message) if succeeded else failed_pod(job, message)
    toy.pods[job["metadata"]["name"]] = [pod]
    toy.store(job_ended(job, at=toy.now, succeeded=succeeded))
    toy.settle(evaluation.CONTROLLER, evaluation.NAME)
    return toy.get(EVALUATIONS, evaluation.NAME)


@pytest.mark.parametrize("drive", [_training, _version, _evaluation])
@pytest.mark.parametrize("succeeded", [True, False])
@pytest.mark.parametrize("message", MESSAGES, ids=["none", "lists", "objects", "surrogates", "surrogate", "zeros"])
def test_an_object_says_what_is_wrong_with_the_message_of_its_run(
    drive: Callable[[str, bool], Manifest], succeeded: bool, message: str
) -> None:
    found = condition(drive(message, succeeded), "Ready")
    assert found["status"] == "False"
    assert found["reason"] not in ("PodPending", "Running", "Verifying", "Evaluating")
    assert_sendable(found["reason"], found["message"])


def test_an_index_label_that_is_no_number_does_not_hold_up_a_training() -> None:
    run = trainingjob.begin(template={"metadata": {"labels": {"batch.kubernetes.io/job-completion-index": "zz"}}})
    run.at(5).job_succeeds()
    assert condition(run.obj, "Ready")["status"] == "True"
    assert run.status["phase"] == "Succeeded"
