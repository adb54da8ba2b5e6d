# SPDX-License-Identifier: Apache-2.0
"""Programs of the distribution: what is installed for those that are missing, on an apt-get that notes its calls."""

from __future__ import annotations

import pytest

from localcluster.errors import DockerMissing, PackagesMissing
from localcluster.kindhost import kit
from localcluster.kindhost.docker import PROGRAMS
from localcluster.native import packages
from localcluster.progress import Quiet
from tests.unit.localcluster.stand_ins import StandIns

DEBIAN_12 = {"docker.io": ["dockerd", "docker"]}
DEBIAN_13 = {"docker.io": ["dockerd"], "docker-cli": ["docker"]}

APT = """#!/bin/sh
for argument in "$@"; do
    echo "$argument" >> {folder}/asked
    case "$argument" in
{cases}
    esac
done
"""


@pytest.fixture(autouse=True)
def path(programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "search_path", lambda: str(programs.folder))
    monkeypatch.setattr(kit, "search_path", lambda: str(programs.folder))
    programs.add(*(name for name, package in PROGRAMS.items() if package != "docker.io"))


def debian(programs: StandIns, release: dict[str, list[str]]) -> None:
    """An apt-get that installs the programs of the release's packages."""
    cases = "".join(
        f"    {package}) for name in {' '.join(names)}; do ln -s /bin/true {programs.folder}/$name; done;;\n"
        for package, names in release.items()
    )
    script = programs.folder / "apt-get"
    script.write_text(APT.format(folder=programs.folder, cases=cases).replace("ln -s", "/bin/ln -s"))
    script.chmod(0o755)


def installed(programs: StandIns) -> list[str]:
    asked = programs.folder / "asked"
    return [line for line in asked.read_text().splitlines() if line.startswith("docker")] if asked.exists() else []


def test_one_package_has_docker_and_its_daemon(programs: StandIns) -> None:
    debian(programs, DEBIAN_12)
    packages.ensure(Quiet(), PROGRAMS)
    assert installed(programs) == ["docker.io"]


def test_the_program_of_a_package_that_was_split_is_installed_as_well(programs: StandIns) -> None:
    debian(programs, DEBIAN_13)
    packages.ensure(Quiet(), PROGRAMS)
    assert installed(programs) == ["docker.io", "docker-cli"]


def test_a_daemon_without_its_program_wants_that_package_alone(programs: StandIns) -> None:
    debian(programs, DEBIAN_13)
    programs.add("dockerd")
    packages.ensure(Quiet(), PROGRAMS)
    assert installed(programs) == ["docker-cli"]


def test_a_package_that_does_not_help_is_asked_for_once_and_named(programs: StandIns) -> None:
    debian(programs, {"docker.io": ["dockerd"]})
    with pytest.raises(PackagesMissing, match="apt-get install docker-cli"):
        packages.ensure(Quiet(), PROGRAMS)
    assert installed(programs) == ["docker.io", "docker-cli"]


def test_without_apt_get_the_packages_are_named(programs: StandIns) -> None:
    with pytest.raises(PackagesMissing, match=r"apt-get install docker\.io"):
        packages.ensure(Quiet(), PROGRAMS)


def test_a_daemon_without_its_program_is_told_from_no_docker(
    programs: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "apt-get install docker-cli" not in str(kit._docker_missing())
    programs.add("dockerd")
    found = kit._docker_missing()
    assert isinstance(found, DockerMissing)
    assert "found `dockerd` alone" in found.problem
    assert "apt-get install docker-cli" in found.remedy
