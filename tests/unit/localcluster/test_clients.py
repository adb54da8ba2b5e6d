# SPDX-License-Identifier: Apache-2.0
"""Which kubectl and Helm of the machine will do for a cluster."""

from pathlib import Path

import pytest

from localcluster.progress import Quiet
from localcluster.tools.clients import HELM, KUBECTL, Client, find, prepare


def program(folder: Path, name: str, prints: str, *, exit_code: int = 0) -> Path:
    """A program on its own PATH that prints its version."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{prints}'\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


def kubectl_version(text: str) -> str:
    return f'{{"clientVersion": {{"gitVersion": "{text}", "goVersion": "go1.9"}}, "kustomizeVersion": "v5.7.1"}}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.mark.parametrize(
    ("client", "prints", "will_do"),
    [
        (KUBECTL, kubectl_version("v1.30.0"), True),
        (KUBECTL, kubectl_version("v1.37.2"), True),
        (KUBECTL, kubectl_version("v2.0.0"), True),
        (KUBECTL, kubectl_version("v1.31.4+k3s1"), True),
        (KUBECTL, kubectl_version("v1.32.0-eks-1a2b3c4"), True),
        (KUBECTL, kubectl_version("v1.29.15"), False),
        (KUBECTL, kubectl_version("v1.9.0"), False),
        (HELM, "v3.15.0", True),
        (HELM, "v4.0.0", True),
        (HELM, "v3.14.4", False),
        (HELM, "v2.17.0", False),
    ],
)
def test_a_program_will_do_from_its_oldest_release_on(folder: Path, client: Client, prints: str, will_do: bool) -> None:
    path = program(folder, client.program, prints)
    found = find(client)
    assert found.path == (path if will_do else None)
    wanted = "v1.30" if client is KUBECTL else "v3.15"
    assert will_do or found.problem.startswith(f"expected {client.program} {wanted} or newer, found v")


def test_a_program_that_does_not_print_its_version_will_not_do(folder: Path) -> None:
    path = program(folder, "helm", "v4.0.0", exit_code=1)
    assert find(HELM).problem == f"expected helm v3.15 or newer, found {path}, which does not print its version"
    program(folder, "helm", "version four")
    assert "does not print its version" in find(HELM).problem


def test_links_lead_to_the_machines_programs_and_otherwise_to_ours(folder: Path, tmp_path: Path) -> None:
    kubectl = program(folder, "kubectl", kubectl_version("v1.37.2"))
    ours = program(tmp_path / "built", "helm", "v4.0.0")
    asked: list[str] = []

    def built() -> Path:
        asked.append("helm")
        return ours

    def never() -> Path:
        raise AssertionError("kubectl is there")

    for _ in range(2):
        made = prepare(tmp_path / "clients", {"kubectl": never, "helm": built}, Quiet())
        assert (made / "kubectl").resolve() == kubectl
        assert (made / "helm").resolve() == ours
    assert asked == ["helm"]
