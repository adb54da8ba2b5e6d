# SPDX-License-Identifier: Apache-2.0
"""The Job that a task becomes: what each of its containers gets, and what each of them sees."""

from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.task import Folder, Step, Task, render_task
from mlops_operator.kube.resources import EVALUATIONS
from tests.unit.controllers.builders import make
from tests.unit.controllers.views import views, volumes

FETCH = Step(
    name="fetch",
    module="fetch",
    env={"TEXT": "a b", "VALUE": {"b": 1, "a": [2]}},
    claims=("pvc://models/a",),
    folders=(Folder(name="model", path="/mnt/model", writable=True, limit="2Gi"),),
)
PREDICT = Step(
    name="predict",
    module="predict",
    env={"TEXT": "a b"},
    folders=(Folder(name="model", path="/mnt/model"), Folder(name="answers", path="/mnt/answers", writable=True)),
    foreign=True,
)
JUDGE = Step(module="judge", write="pvc://reports/r", folders=(Folder(name="answers", path="/mnt/answers"),))


def job(*steps: Step, **fields: Any) -> Manifest:
    parent = make(EVALUATIONS, "e", spec={}, uid="u", generation=7)
    task = Task(parent=parent, suffix="s", component="c", steps=steps or (FETCH, PREDICT, JUDGE), **fields)
    return render_task(task, Settings(workload_image="example/workload:1"))


def environment(job: Manifest) -> dict[str, Manifest]:
    """By container, its variables."""
    spec = job["spec"]["template"]["spec"]
    return {
        container["name"]: {entry["name"]: entry["value"] for entry in container["env"]}
        for container in (*spec["initContainers"], *spec["containers"])
    }


def test_each_step_sees_its_own_tmp_and_the_folders_it_names() -> None:
    assert views(job()) == {
        "fetch": {"/tmp": "tmp-fetch (rw)", "/mnt/pvc/models": "pvc-models (ro)", "/mnt/model": "model (rw)"},
        "predict": {
            "/tmp": "tmp-predict (rw)",
            "/dev/shm": "tmp-predict (rw)",
            "/mnt/model": "model (ro)",
            "/mnt/answers": "answers (rw)",
        },
        "main": {"/tmp": "tmp (rw)", "/mnt/pvc/reports/r": "pvc-reports/r (rw)", "/mnt/answers": "answers (ro)"},
    }


def test_folders_have_the_limit_that_any_step_names_and_foreign_code_has_one_for_its_tmp() -> None:
    found = {name: volume["emptyDir"] for name, volume in volumes(job()).items() if name in ("model", "answers")}
    assert found == {"model": {"sizeLimit": "2Gi"}, "answers": {}}
    tmp = {name: volume["emptyDir"] for name, volume in volumes(job()).items() if name.startswith("tmp-")}
    assert tmp == {"tmp-fetch": {}, "tmp-predict": {"sizeLimit": "1Gi"}}


def test_only_the_last_step_reports_and_foreign_code_learns_nothing_of_the_run() -> None:
    names = {name: set(variables) for name, variables in environment(job()).items()}
    common = names["fetch"] & names["predict"] & names["main"]
    assert {name: variables - common for name, variables in names.items()} == {
        "fetch": {"TEXT", "VALUE", "MLOPS_PVC_ROOT"},
        "predict": {"TEXT"},
        "main": {"MLOPS_PVC_ROOT", "MLOPS_RUN_UID", "MLOPS_RESULT_PATH", "MLOPS_OUTPUT_URI"},
    }
    assert environment(job())["main"]["MLOPS_RUN_UID"] == "u-s"
    assert environment(job())["main"]["MLOPS_OUTPUT_URI"] == "pvc://reports/r"


def test_a_text_is_passed_as_it_is_and_any_other_value_as_json() -> None:
    variables = environment(job())["fetch"]
    assert (variables["TEXT"], variables["VALUE"]) == ("a b", '{"a":[2],"b":1}')


def test_the_image_is_the_tasks_own_or_that_of_the_settings() -> None:
    def images(job: Manifest) -> set[str]:
        spec = job["spec"]["template"]["spec"]
        return {container["image"] for container in (*spec["initContainers"], *spec["containers"])}

    assert images(job()) == {"example/workload:1"}
    assert images(job(image="example/own:2")) == {"example/own:2"}


def test_the_job_remembers_what_it_is_to_remember() -> None:
    assert job(annotations={"mlops.example/a": "b"})["metadata"]["annotations"] == {"mlops.example/a": "b"}
    assert "annotations" not in job()["metadata"]


def test_the_pod_names_its_containers_with_foreign_code() -> None:
    (value,) = job()["spec"]["template"]["metadata"]["annotations"].values()
    assert value == "predict"
    assert "annotations" not in job(FETCH, JUDGE)["spec"]["template"]["metadata"]


def test_a_job_tries_three_times_within_half_an_hour() -> None:
    spec = job()["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 1800)


def test_the_last_step_waits_before_it_is_stopped_so_that_the_reason_can_be_read() -> None:
    spec = job()["spec"]["template"]["spec"]
    assert spec["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 3}}}
    assert not any("lifecycle" in step for step in spec["initContainers"])


def test_the_log_of_foreign_code_is_never_a_message() -> None:
    spec = job()["spec"]["template"]["spec"]
    found = {
        entry["name"]: entry["terminationMessagePolicy"] for entry in (*spec["initContainers"], *spec["containers"])
    }
    assert found == {"fetch": "FallbackToLogsOnError", "predict": "File", "main": "FallbackToLogsOnError"}


def test_a_task_has_three_tries_and_half_an_hour() -> None:
    spec = job()["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 1800)
