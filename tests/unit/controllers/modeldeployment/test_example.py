# SPDX-License-Identifier: Apache-2.0
"""The commands of `status.example`: they name what is served, and hold still while it is."""

import pytest

from mlops_operator.controllers.modeldeployment.example import example
from mlops_operator.controllers.settings import Settings
from tests.unit.controllers.modeldeployment.scene import Scene

SERVED = {"metadata": {"name": "digits-live", "namespace": "team-a"}}
FORWARD = "kubectl port-forward -n team-a service/digits-live 8080:80 >/dev/null &"


def test_a_server_with_an_example_is_asked_for_it() -> None:
    server = Settings().runtime_for(name=None, artifact_format="sklearn")
    assert server is not None
    url = "http://localhost:8080/v2/models/digits"
    assert example(SERVED, model="digits", server=server).splitlines() == [
        FORWARD,
        f"curl -s --retry 9 --retry-connrefused {url}/example | curl -s --data @- {url}/infer",
    ]


def test_another_server_is_shown_the_form_of_a_request() -> None:
    server = Settings().runtime_for(name="mlserver-sklearn", artifact_format="sklearn")
    assert server is not None
    forward, curl = example(SERVED, model="digits", server=server).splitlines()
    assert forward == FORWARD
    assert '"shape": [1, 2]' in curl
    assert curl.endswith(" http://localhost:8080/v2/models/digits/infer")


@pytest.mark.parametrize("golden", [True, False])
def test_it_is_there_from_the_first_version_on_and_never_changes(golden: bool) -> None:
    scene = Scene(golden=golden)
    scene.step()
    assert "example" not in scene.status
    scene.rest()
    first = scene.status["example"]
    assert first.startswith("kubectl port-forward -n team-a service/digits ")
    writes = len(scene.cluster.writes)
    scene.wait(600)
    scene.rest()
    assert len(scene.cluster.writes) == writes
    scene.point("digits-2")
    scene.roll()
    assert scene.status["stable"]["version"] == "digits-2"
    assert scene.status["example"] == first
