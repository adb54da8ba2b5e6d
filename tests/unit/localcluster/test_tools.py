# SPDX-License-Identifier: Apache-2.0
"""Finding Go, naming builds, and what is checked before one begins."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from localcluster import disk, ports
from localcluster.errors import BuildFailed, GoMissing, NoSpace, PortTaken
from localcluster.progress import Quiet
from localcluster.tools import build, catalog, golang


def fake_go(folder: Path, version: str, *, exit_code: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "go"
    path.write_text(
        f"#!/bin/sh\necho go version {version} linux/amd64\necho 'cannot find module' >&2\nexit {exit_code}\n"
    )
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Go but the test's, no cache but the test's."""
    monkeypatch.setattr(golang, "_USUAL_PLACES", ())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_new_enough_go_of_the_machine_is_taken(tmp_path: Path) -> None:
    command = fake_go(tmp_path / "bin", "go99.1")

    assert golang.find(Quiet()) == golang.Toolchain(str(command), "go99.1 linux/amd64")


def test_an_old_go_is_passed_over_for_one_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "bin", "go1.19")
    own = golang.Toolchain("own", "go1.26.6 linux/amd64")
    monkeypatch.setattr(golang, "_install", lambda: own)

    assert golang.find(Quiet()) == own


def test_no_go_and_none_to_be_had_says_which_version_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr("venv.create", refuse)

    with pytest.raises(GoMissing, match=r"install Go 1\.\d+\.\d+ or newer"):
        golang.find(Quiet())


def test_the_wheel_is_new_enough_for_the_module() -> None:
    version = tuple(int(part) for part in golang.WHEEL.partition("==")[2].split("."))

    assert version >= catalog.go_version()
    assert version >= catalog.go_version(module=catalog.FLUX_MODULE)
    assert version >= catalog.go_version(module=catalog.ACTIONLINT_MODULE)


@pytest.mark.parametrize(
    ("module", "packages"),
    [
        (catalog.MODULE, {**catalog.PACKAGES, **catalog.KIND_PACKAGES}),
        (catalog.FLUX_MODULE, catalog.FLUX_PACKAGES),
        (catalog.ACTIONLINT_MODULE, catalog.ACTIONLINT_PACKAGES),
    ],
)
def test_every_program_comes_from_a_tool_line_or_is_our_own(module: Path, packages: dict[str, str]) -> None:
    text = (module / "go.mod").read_text()

    for program, package in packages.items():
        own = package.startswith("./") and (module / package / "main.go").exists()
        assert own or f"\t{package}\n" in text or f"tool {package}\n" in text, program


@pytest.mark.parametrize(
    "packages", [catalog.PACKAGES, catalog.KIND_PACKAGES, catalog.FLUX_PACKAGES, catalog.ACTIONLINT_PACKAGES]
)
def test_every_program_is_built_exactly_once(packages: dict[str, str]) -> None:
    built = [package for group in catalog.build_groups(packages) for package in group]

    assert sorted(built) == sorted(packages.values())


def test_versions_are_those_of_the_module() -> None:
    assert catalog.module_version("github.com/coredns/coredns").startswith("v1.")
    assert catalog.kubernetes_version() in catalog.linker_flags()
    with pytest.raises(LookupError, match=r"example\.org"):
        catalog.module_version("example.org/none")


def test_a_failed_build_shows_what_the_compiler_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(tmp_path / "bin", "go99.1", exit_code=1)
    monkeypatch.setattr(build, "_build_cache", lambda _toolchain: tmp_path)

    with pytest.raises(BuildFailed, match="cannot find module"):
        build.ensure_tools()
    assert list((tmp_path / "cache/mlops-localcluster/bin").iterdir()) == []


def test_a_build_is_refused_before_it_begins_if_the_disk_is_too_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(tmp_path / "bin", "go99.1", exit_code=1)
    monkeypatch.setattr(build, "_build_cache", lambda _toolchain: tmp_path)
    monkeypatch.setattr(build, "COLD_BUILD_BYTES", 1 << 60)

    with pytest.raises(NoSpace, match="XDG_CACHE_HOME"):
        build.ensure_tools()


def test_a_finished_build_is_found_again_without_go(tmp_path: Path) -> None:
    folder = tmp_path / "cache/mlops-localcluster/bin/0123456789abcdef"
    folder.mkdir(parents=True)
    for program in catalog.PACKAGES:
        (folder / program).touch()
    build._record(folder, catalog.PACKAGES)

    assert build.ensure_tools() == folder


def test_a_few_programs_are_built_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "bin", "go99.1")
    built: list[list[str]] = []

    def write(_toolchain: object, packages: build.Packages, folder: Path, _step: object, _module: Path) -> None:
        built.append(list(packages))
        folder.mkdir(parents=True)
        for program in packages:
            (folder / program).touch()

    monkeypatch.setattr(build, "_build", write)
    monkeypatch.setattr(build, "_build_cache", lambda _toolchain: tmp_path)
    monkeypatch.setattr(build, "COLD_BUILD_BYTES", 1 << 60)

    for _ in range(2):
        assert (build.ensure_programs(["metrics-server"]) / "metrics-server").exists()
    assert built == [["metrics-server"]]


def test_where_everything_was_built_nothing_is_built_again(tmp_path: Path) -> None:
    folder = tmp_path / "cache/mlops-localcluster/bin/0123456789abcdef"
    folder.mkdir(parents=True)
    for program in catalog.PACKAGES:
        (folder / program).touch()
    build._record(folder, catalog.PACKAGES)

    assert build.ensure_programs(["helm"]) == folder


def test_space_is_measured_where_the_folder_will_be(tmp_path: Path) -> None:
    disk.require(tmp_path / "not/there/yet", 1, what="a test")
    with pytest.raises(NoSpace, match="a test needs"):
        disk.require(tmp_path / "not/there/yet", 1 << 60, what="a test")


def test_a_reserved_port_is_refused_to_others_until_it_is_released() -> None:
    reservation = ports.reserve("test")

    with pytest.raises(PortTaken, match=str(reservation.port)):
        ports.ReservedPort(reservation.port)
    reservation.release()
    ports.ReservedPort(reservation.port).release()


def test_the_program_it_is_for_can_listen_on_a_reserved_port() -> None:
    reservation = ports.reserve("test")
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", reservation.port))
        server.listen()
        reservation.release()

        with pytest.raises(PortTaken):
            ports.ReservedPort(reservation.port, again=True)


def test_two_searches_with_one_seed_find_different_ports() -> None:
    first, second = ports.reserve("same"), ports.reserve("same")

    assert first.port != second.port
    first.release()
    second.release()
