# SPDX-License-Identifier: Apache-2.0
"""How images get to the nodes of a cluster that is already there: the commands that are run, on stand-ins."""

import json
import sys
from pathlib import Path

import pytest

from demo import delivery
from demo.delivery import LoadCommand, NoPusherError, Registry, chart_values, pusher
from demo.existing import RefusedError, delivery_of
from localcluster.errors import CommandFailed
from localcluster.progress import Quiet

ARCHIVE = Path("/cache/mlops-workload-dev-0123.tar")
REFERENCE = "localhost/mlops-workload:dev"
DIGEST = "sha256:" + "0123456789abcdef" * 4
NAMES = {f"localhost/mlops-{name}:dev": f"localhost/mlops-{name}:dev" for name in ("operator", "workload", "server")}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in which programs on PATH note how they are called, a line of JSON each."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(delivery, "image_digests", lambda _archive: {REFERENCE: DIGEST})
    (tmp_path / "bin").mkdir()
    return tmp_path / "calls"


def add(calls: Path, *names: str, exit_code: int = 0) -> None:
    for name in names:
        program = calls.parent / "bin" / name
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            f"open({str(calls)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
            f"print('no space left', file=sys.stderr)\nsys.exit({exit_code})\n"
        )
        program.chmod(0o755)


def called(calls: Path) -> list[list[str]]:
    return [json.loads(line) for line in calls.read_text().splitlines()]


def test_a_command_gets_each_archive_last(calls: Path) -> None:
    add(calls, "kind")
    names = LoadCommand("kind load image-archive --name 'my cluster'").deliver([ARCHIVE], Quiet())
    assert called(calls) == [["load", "image-archive", "--name", "my cluster", str(ARCHIVE)]]
    assert names == {REFERENCE: REFERENCE}


def test_a_command_gets_the_archive_where_braces_are(calls: Path) -> None:
    add(calls, "k3s")
    LoadCommand("k3s ctr images import --file={} --all").deliver([ARCHIVE], Quiet())
    assert called(calls) == [["ctr", "images", "import", f"--file={ARCHIVE}", "--all"]]


def test_a_command_that_fails_or_is_none_is_told_in_its_own_words(calls: Path) -> None:
    add(calls, "load", exit_code=3)
    with pytest.raises(CommandFailed, match=r"`load --all /cache/\S+` ended with code 3: no space left"):
        LoadCommand("load --all").deliver([ARCHIVE], Quiet())
    with pytest.raises(CommandFailed, match=r"expected LOAD_IMAGES to name a program, found .*nothing-there"):
        LoadCommand("nothing-there").deliver([ARCHIVE], Quiet())


def test_images_are_pushed_under_a_tag_of_their_content(calls: Path) -> None:
    add(calls, "podman")
    names = Registry("registry.example.test/ml/", pusher()).deliver([ARCHIVE], Quiet())
    pushed = "registry.example.test/ml/mlops-workload:0123456789ab"
    assert called(calls) == [["load", "--input", str(ARCHIVE)], ["tag", REFERENCE, pushed], ["push", pushed]]
    assert names == {REFERENCE: pushed}


def test_a_failed_push_says_how_to_log_in(calls: Path) -> None:
    add(calls, "docker", exit_code=1)
    with pytest.raises(CommandFailed, match=r"docker login registry\.example\.test`"):
        Registry("registry.example.test/ml", pusher()).deliver([ARCHIVE], Quiet())


def test_a_registry_needs_a_program_that_pushes(calls: Path) -> None:
    with pytest.raises(NoPusherError, match="LOAD_IMAGES"):
        delivery_of(registry="registry.example.test", load_images=None)
    add(calls, "podman", "docker")
    assert delivery_of(registry="r.test", load_images=None) == Registry("r.test", "docker")


@pytest.mark.parametrize(
    ("registry", "load_images", "found"), [(None, None, "neither"), ("", "", "neither"), ("a", "b", "both")]
)
def test_exactly_one_way_is_named(registry: str | None, load_images: str | None, found: str) -> None:
    with pytest.raises(RefusedError, match=f"expected either REGISTRY or LOAD_IMAGES, found {found}"):
        delivery_of(registry=registry, load_images=load_images)


def test_the_chart_uses_the_names_that_the_nodes_know() -> None:
    assert chart_values(NAMES) == [
        "--set-string=image.registry=localhost",
        "--set-string=image.repository=mlops-operator",
        "--set-string=image.tag=dev",
        "--set-string=workloadImage=localhost/mlops-workload:dev",
        "--set-string=serverImage=localhost/mlops-server:dev",
    ]
    pushed = {name: Registry("r.test:5000/ml", "docker").name(name, DIGEST) for name in NAMES}
    assert chart_values(pushed)[0] == "--set-string=image.registry=r.test:5000/ml"
    assert chart_values(pushed)[2:4] == [
        "--set-string=image.tag=0123456789ab",
        "--set-string=workloadImage=r.test:5000/ml/mlops-workload:0123456789ab",
    ]
