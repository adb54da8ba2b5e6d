# SPDX-License-Identifier: Apache-2.0
"""Text of a spec reaches a container as it was written, though Kubernetes expands `$(NAME)` and `$$`."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.pods import environment, literal
from mlops_operator.controllers.shared.task import Step, Task, render_task
from mlops_operator.controllers.trainingjob.environment import MAX_VARIABLE
from mlops_operator.kube.resources import EVALUATIONS, JOBS
from tests.unit.controllers.builders import condition, make
from tests.unit.controllers.modeldeployment import scene
from tests.unit.controllers.modeldeployment import test_server_pods as servers
from tests.unit.controllers.trainingjob.driver import begin

VARIABLES = {"HOME": "/root", "MLOPS_RUN_UID": "u", "": "empty", "A": "$(HOME)"}
TRICKY = "$(HOME) $$ $$(A) $ $x $() $$$(HOME) ${HOME} $(A"


def expanded(text: str) -> str:
    """What the kubelet makes of a value: `third_party/forked/golang/expansion` of Kubernetes, in other words."""

    def replace(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return VARIABLES.get(match.group(1), match.group(0))

    return re.sub(r"\$\$|\$\(([^)]*)\)", replace, text)


def test_the_model_of_the_expansion_expands() -> None:
    assert expanded("$(HOME) $$(HOME) $$ $(NONE) $x $(A)") == "/root $(HOME) $ $(NONE) $x $(HOME)"


@given(st.one_of(st.text("$()HOMEA x", max_size=30), st.text(max_size=20)))
def test_literal_text_survives_the_expansion(text: str) -> None:
    assert expanded(literal(text)) == text
    assert expanded(environment({"X": text})[0]["value"]) == text


def arriving(container: Manifest) -> dict[str, str]:
    """The environment that a container really gets."""
    return {entry["name"]: expanded(entry["value"]) for entry in container["env"] if "value" in entry}


def main(job: Manifest) -> Manifest:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    found: Manifest = container
    return found


def test_parameters_and_inputs_of_a_training_arrive() -> None:
    run = begin(parameters={"prompt": TRICKY, TRICKY: 1}, data=[{"name": "rows", "uri": "pvc://data/$(HOME)/$$rows"}])
    env = arriving(main(run.cluster.only(JOBS)))
    assert env["MLOPS_PARAM_PROMPT"] == TRICKY
    assert json.loads(env["MLOPS_PARAMETERS"]) == {"prompt": TRICKY, TRICKY: 1}
    assert json.loads(env["MLOPS_DATA"])[0]["uri"] == "pvc://data/$(HOME)/$$rows"


def test_what_the_user_writes_as_command_args_and_env_is_expanded_as_in_any_pod() -> None:
    run = begin(command=["sh", "-c", "echo $(HOME)"], args=["$$x"], env=[{"name": "X", "value": "$(HOME)/x"}])
    container = main(run.cluster.only(JOBS))
    assert (container["command"][2], container["args"]) == ("echo $(HOME)", ["$$x"])
    assert arriving(container)["X"] == "/root/x"


def test_the_configuration_of_a_task_arrives() -> None:
    task = Task(
        parent=make(EVALUATIONS, "e", spec={}),
        suffix="x",
        component="c",
        steps=(
            Step(
                module="evaluate",
                args=("--uri", TRICKY),
                env={"MLOPS_TEXT": TRICKY, "MLOPS_JSON": {"uri": TRICKY}},
                write="pvc://store/$(HOME)",
            ),
        ),
    )
    container = main(render_task(task, Settings()))
    env = arriving(container)
    assert [expanded(argument) for argument in container["args"]] == ["--uri", TRICKY]
    assert (env["MLOPS_TEXT"], json.loads(env["MLOPS_JSON"])) == (TRICKY, {"uri": TRICKY})
    assert env["MLOPS_OUTPUT_URI"] == "pvc://store/$(HOME)"


def test_the_uri_of_a_model_arrives_at_its_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    version = scene.model_version("digits-1")
    version["spec"]["artifact"]["uri"] = "pvc://store/$(HOME)/$$m.joblib"
    monkeypatch.setattr(servers, "model_version", lambda _name: version)
    (fetch,) = servers.template()["spec"]["initContainers"]
    assert "--uri=pvc://store/$(HOME)/$$m.joblib" in [expanded(argument) for argument in fetch["args"]]


@pytest.mark.parametrize(("more", "taken"), [(-1, True), (0, True), (1, False)])
def test_parameters_that_the_kernel_does_not_pass_on_are_refused(more: int, taken: bool) -> None:
    room = MAX_VARIABLE - len('MLOPS_PARAMETERS={"words":""}')
    run = begin(parameters={"words": "x" * (room + more)})
    assert len(run.cluster.world.all(JOBS)) == taken
    if not taken:
        stalled = condition(run.obj, "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
        assert f"spec.parameters: {MAX_VARIABLE + 1 - len('MLOPS_PARAMETERS=')} bytes" in stalled["message"]
        assert f"at most {MAX_VARIABLE - len('MLOPS_PARAMETERS=')} fit" in stalled["message"]
