# SPDX-License-Identifier: Apache-2.0
"""Options of a kind cluster: from the command line, the environment, and into kind's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from localcluster import Cluster
from localcluster.errors import InvalidConfiguration, Unsupported
from localcluster.kindhost import configuration, provider
from localcluster.kindhost.options import IMAGE_VARIABLE, WORKERS_VARIABLE, KindOptions

ENVIRONMENT = {IMAGE_VARIABLE: "kindest/node:v1.36.2", WORKERS_VARIABLE: "2"}


def nodes(path: Path) -> list[str]:
    return [node["role"] for node in yaml.safe_load(path.read_text())["nodes"]]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "kind-config.yaml"


def test_the_environment_fills_what_is_not_given() -> None:
    assert KindOptions().with_environment(ENVIRONMENT) == KindOptions(image="kindest/node:v1.36.2", workers=2)
    given = KindOptions(image="other", workers=0)
    assert given.with_environment(ENVIRONMENT) == given
    assert KindOptions().with_environment({IMAGE_VARIABLE: "", WORKERS_VARIABLE: ""}) == KindOptions()


def test_a_configuration_goes_before_the_number_of_the_environment() -> None:
    assert KindOptions(Path("nodes.yaml")).with_environment(ENVIRONMENT).workers is None


@pytest.mark.parametrize("text", ["two", "1.5", "-1"])
def test_an_invalid_number_of_workers_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfiguration, match="workers"):
        KindOptions().with_environment({WORKERS_VARIABLE: text})


@pytest.mark.parametrize("count", [0, 1, 3])
def test_workers_are_added_to_the_default_configuration(target: Path, count: int) -> None:
    written = configuration.write(target, KindOptions(workers=count), audit=None)

    assert nodes(written) == ["control-plane", *["worker"] * count]
    assert (written == configuration.DEFAULT) == (count == 0)


def test_workers_beside_those_of_a_configuration_are_refused(target: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("kind: Cluster\nnodes: [{role: control-plane}, {role: worker}]\n")

    with pytest.raises(InvalidConfiguration, match="--workers 2, found 1"):
        configuration.write(target, KindOptions(config, workers=2), audit=None)


def test_a_cluster_that_is_created_again_has_the_nodes_that_it_had(target: Path) -> None:
    configuration.write(target, KindOptions(workers=2), audit=None)

    assert nodes(configuration.write(target, KindOptions(), audit=None)) == ["control-plane", "worker", "worker"]
    assert nodes(configuration.write(target, KindOptions(workers=1), audit=None)) == ["control-plane", "worker"]
    assert configuration.write(target, KindOptions(workers=0), audit=None) == configuration.DEFAULT
    assert configuration.write(target, KindOptions(), audit=None) == configuration.DEFAULT


def test_a_configuration_that_was_named_is_kept_for_the_next_time(target: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("kind: Cluster\nnodes: [{role: control-plane}, {role: worker}]\n")
    configuration.write(target, KindOptions(config), audit=None)
    config.unlink()

    assert nodes(configuration.write(target, KindOptions(), audit=None)) == ["control-plane", "worker"]


def test_the_options_are_passed_on_as_arguments() -> None:
    options = KindOptions(Path("/c.yaml"), (Path("/p.yaml"),), "node:1", 0)

    assert options.as_arguments() == ["--config=/c.yaml", "--patch=/p.yaml", "--image=node:1", "--workers=0"]
    assert KindOptions().as_arguments() == []


@pytest.mark.parametrize("options", [{"workers": 2}, {"image": "node:1"}, {"config": Path("c.yaml")}])
def test_options_of_kind_are_refused_for_another_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    monkeypatch.setenv("MLOPS_LOCALCLUSTER_HOME", str(tmp_path))

    with pytest.raises(Unsupported, match=r"expected engine kind .* found control-plane"):
        Cluster("one", "control-plane", **options).up()  # type: ignore[arg-type]
    assert not Cluster("one").folder.exists()


def test_a_port_is_refused_for_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LOCALCLUSTER_HOME", str(tmp_path))

    with pytest.raises(Unsupported, match="control-plane for a port"):
        Cluster("one", "kind", port=6443).up()


@pytest.mark.parametrize("name", ["podman", "nerdctl"])
def test_another_provider_than_docker_is_named_as_unsupported(name: str) -> None:
    with pytest.raises(Unsupported, match=f"found {provider.VARIABLE}={name}: {name} is not supported"):
        provider.require_docker({provider.VARIABLE: name})


@pytest.mark.parametrize("environment", [{}, {provider.VARIABLE: ""}, {provider.VARIABLE: "docker"}])
def test_docker_is_the_provider(environment: dict[str, str]) -> None:
    provider.require_docker(environment)
