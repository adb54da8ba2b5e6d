"""Which engine is taken, and the commands that kind and sudo are given, on stand-ins that note how they are called."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from localcluster import Cluster, cluster, elevate, engine, kind
from localcluster.engine import EngineName
from localcluster.errors import CommandFailed, EngineMismatch, KindMissing, KindNameTaken, NotRoot, Unsupported
from localcluster.kindhost import kit, node_image
from localcluster.progress import Progress, Quiet
from localcluster.state import ClusterState

# Notes its arguments and those variables that matter, then answers as the test wants.
STAND_IN = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
name = pathlib.Path(sys.argv[0]).name
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
answers = json.loads((folder / "answers.json").read_text())
key = " ".join([name, *sys.argv[1:3]])
sys.stdout.write(answers.get(key, ""))
sys.exit(1 if key in answers.get("failing", []) else 0)
"""


RECENT = {
    "kubectl version --client": '{"clientVersion": {"gitVersion": "v1.37.2"}}',
    "helm version --template={{.Version}}": "v4.2.3",
}


class StandIns:
    """Programs on PATH that only note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: What would have been built from Go modules.
        self.built: list[str] = []
        self.answer()

    def add(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            path.write_text(STAND_IN.format(python=sys.executable, folder=str(self.folder)))
            path.chmod(0o755)

    def answer(self, answers: dict[str, str] | None = None, failing: tuple[str, ...] = ()) -> None:
        (self.folder / "answers.json").write_text(json.dumps({**RECENT, **(answers or {}), "failing": list(failing)}))

    def calls(self, program: str) -> list[list[str]]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call[1:] for call in map(json.loads, lines) if call[0] == program]


class Notes(Quiet):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("MLOPS_LOCALCLUSTER_HOME", str(tmp_path / "home"))
    return StandIns(folder)


@pytest.fixture
def kind_programs(programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    programs.add("kind", "docker", "kubectl", "helm")
    built: list[str] = []

    def ensure_programs(names: Sequence[str], _progress: Progress) -> Path:
        built.extend(names)
        return programs.folder

    programs.built = built
    monkeypatch.setattr(kind, "ensure_programs", ensure_programs)
    monkeypatch.setattr(kind, "ensure_tools", lambda _progress: programs.folder)
    archive = programs.folder / "addons.tar"
    archive.write_bytes(b"")
    monkeypatch.setattr("localcluster.addon_images.ensure_archive", lambda _programs, _names: archive)
    monkeypatch.setattr(kind, "image_digests", lambda _archive: {"localhost/one:1": "sha256:1"})
    return programs


def test_kind_is_the_default_only_where_it_can_run(programs: StandIns) -> None:
    assert engine.default_engine() == EngineName.NATIVE
    programs.add("kind")
    assert engine.default_engine() == EngineName.NATIVE
    programs.add("docker")
    assert engine.default_engine() == EngineName.KIND
    programs.answer(failing=("docker version --format",))
    assert engine.default_engine() == EngineName.NATIVE


def test_without_docker_kind_needs_root_or_sudo(programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevate, "is_root", lambda: False)
    with pytest.raises(NotRoot):
        Cluster("one", "kind").up()


def test_kind_that_cannot_be_made_without_root_says_what_is_missing(
    kind_programs: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elevate, "is_root", lambda: False)
    (kind_programs.folder / "kind").unlink()
    with pytest.raises(KindMissing, match="--engine native"):
        Cluster("one", "kind").up()


def test_where_kind_cannot_pull_its_image_one_is_made(kind_programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def make_image(self: kit.Kit) -> None:
        self.state.kind_made_here = True
        made.append(self.state.name)

    monkeypatch.setattr(kit.Kit, "make_image", make_image)
    monkeypatch.setattr(kit, "ensure_kind_tools", lambda _progress: kind_programs.folder)
    kind_programs.answer({"kind create cluster": "ERROR: failed to pull image"}, failing=("kind create cluster",))

    with pytest.raises(CommandFailed):
        Cluster("one", "kind").up()

    first, second = [call for call in kind_programs.calls("kind") if call[0] == "create"]
    assert "--image" not in first
    assert second[second.index("--image") + 1] == node_image.REFERENCE
    assert made == ["one"]


def test_another_failure_of_kind_makes_no_image(kind_programs: StandIns) -> None:
    kind_programs.answer({"kind create cluster": "ERROR: the port is taken"}, failing=("kind create cluster",))

    with pytest.raises(CommandFailed, match="port is taken"):
        Cluster("one", "kind").up()

    assert len([call for call in kind_programs.calls("kind") if call[0] == "create"]) == 1


def test_an_audit_log_that_kind_does_not_write_is_an_error(kind_programs: StandIns) -> None:
    with pytest.raises(Unsupported, match="audit"):
        Cluster("one", "kind", audit=True).up()


def test_with_an_audit_log_kind_gets_a_file_of_our_own(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind", audit=True)
    (one.folder / "audit").mkdir(parents=True)
    (one.folder / "audit/audit.log").touch()

    one.up()

    create = next(call for call in kind_programs.calls("kind") if call[0] == "create")
    config = Path(create[create.index("--config") + 1])
    assert yaml.safe_load(config.read_text())["nodes"][0]["extraMounts"][0]["hostPath"] == str(one.folder / "audit")
    assert one.audit_log == one.folder / "audit/audit.log"


def test_kind_is_told_to_create_the_cluster_with_our_files_alone(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind").up()

    create = next(call for call in kind_programs.calls("kind") if call[0] == "create")
    assert create == [
        *("create", "cluster", "--name", "one"),
        *("--config", str(kind.CONFIG), "--kubeconfig", str(one.kubeconfig), "--wait", "180s"),
    ]
    assert ["load", "image-archive", str(kind_programs.folder / "addons.tar"), "--name", "one"] in kind_programs.calls(
        "kind"
    )
    (apply,) = [call for call in kind_programs.calls("kubectl") if "apply" in call]
    assert f"--kubeconfig={one.kubeconfig}" in apply


def test_with_docker_kind_kubectl_and_helm_only_metrics_server_is_built(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind").up()

    assert {name: (one.clients() / name).resolve() for name in ("kubectl", "helm")} == {
        name: kind_programs.folder / name for name in ("kubectl", "helm")
    }
    assert kind_programs.built == ["metrics-server"]


def test_an_old_kubectl_gives_way_to_that_of_the_node(kind_programs: StandIns) -> None:
    kind_programs.answer({"kubectl version --client": '{"clientVersion": {"gitVersion": "v1.29.9"}}'})
    notes = Notes()

    one = Cluster("one", "kind", progress=notes)
    (one.folder / "bin").mkdir(parents=True)
    with pytest.raises(FileNotFoundError):  # the stand-in for docker copies nothing
        one.up()

    copy = one.folder / "bin/kubectl"
    assert ["cp", "one-control-plane:/usr/bin/kubectl", str(copy)] in kind_programs.calls("docker")
    assert kind_programs.built == ["metrics-server"]
    (note,) = notes.texts
    assert note.startswith("expected kubectl v1.30 or newer, found v1.29.9 at ")


def test_without_helm_it_is_built_and_nothing_else(kind_programs: StandIns) -> None:
    (kind_programs.folder / "helm").unlink()
    notes = Notes()

    Cluster("one", "kind", progress=notes).up()

    assert kind_programs.built == ["metrics-server", "helm"]
    assert notes.texts == ["expected helm v3.15 or newer on PATH, found none; another one is used"]


def test_a_kind_cluster_that_is_up_is_not_created_again(kind_programs: StandIns) -> None:
    Cluster("one", "kind").up()
    kind_programs.answer({"kind get clusters": "other\none\n"})
    created = [call[0] for call in kind_programs.calls("kind")].count("create")

    one = Cluster("one", "kind").up()

    assert [call[0] for call in kind_programs.calls("kind")].count("create") == created
    assert ["export", "kubeconfig", "--name", "one", "--kubeconfig", str(one.kubeconfig)] in kind_programs.calls("kind")


def test_a_kind_cluster_of_somebody_else_is_neither_adopted_nor_deleted(kind_programs: StandIns) -> None:
    kind_programs.answer({"kind get clusters": "one\n"})

    with pytest.raises(KindNameTaken, match="another --name"):
        Cluster("one", "kind").up()
    Cluster("one").down()

    assert not [call for call in kind_programs.calls("kind") if call[0] in {"create", "delete"}]


def test_down_deletes_the_kind_cluster(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind").up()

    one.down()

    assert ["delete", "cluster", "--name", "one", "--kubeconfig", str(one.kubeconfig)] in kind_programs.calls("kind")
    assert not one.folder.exists()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "image.tar"
    path.write_bytes(b"")
    return path


def test_an_archive_is_loaded_into_the_kind_cluster(
    kind_programs: StandIns, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Cluster("one", "kind").up()
    monkeypatch.setattr(kind, "image_digests", lambda _archive: {"localhost/one:1": "sha256:2"})

    assert one.load_image(archive) == ["localhost/one:1"]
    assert ["load", "image-archive", str(archive), "--name", "one"] in kind_programs.calls("kind")


def test_an_archive_that_is_there_is_not_loaded_again(
    kind_programs: StandIns, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Cluster("one", "kind").up()
    monkeypatch.setattr(kind, "image_digests", lambda _archive: {"localhost/one:1": "sha256:2"})

    for _ in range(2):
        one.load_image(archive)

    loaded = [call for call in kind_programs.calls("kind") if call[0] == "load" and call[2] == str(archive)]
    assert len(loaded) == 1


def test_the_status_of_a_kind_cluster_is_its_containers(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind").up()
    kind_programs.answer({"docker ps --all": "one-control-plane\trunning\n"})

    assert [(row.component, row.state, row.healthy) for row in one.status()] == [("one-control-plane", "running", True)]


def test_logs_of_a_kind_cluster_come_from_docker(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind").up()
    kind_programs.answer({"docker logs one-control-plane": "systemd started\n"})

    assert one.logs("node") == "systemd started\n"


def test_the_kind_configuration_is_one_node_on_loopback() -> None:
    document = yaml.safe_load(kind.CONFIG.read_text())

    assert (document["kind"], document["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    assert document["nodes"] == [{"role": "control-plane"}]
    assert document["networking"]["apiServerAddress"] == "127.0.0.1"


def test_a_cluster_of_another_engine_is_left_alone(programs: StandIns) -> None:
    ClusterState("one", "kind").save(Cluster("one").folder)

    with pytest.raises(EngineMismatch, match="kind"):
        Cluster("one", "control-plane").up()


def test_a_control_plane_takes_no_images(programs: StandIns, tmp_path: Path) -> None:
    ClusterState("one", "control-plane").save(Cluster("one").folder)
    (tmp_path / "image.tar").write_bytes(b"")

    with pytest.raises(Unsupported, match="node"):
        Cluster("one").load_image(tmp_path / "image.tar")


@pytest.fixture
def ordinary_user(programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    monkeypatch.setattr(elevate, "is_root", lambda: False)
    monkeypatch.setattr(cluster, "ensure_tools", lambda _progress: programs.folder)
    monkeypatch.setattr("localcluster.addon_images.ensure_archive", lambda _programs: programs.folder / "addons.tar")
    return programs


def test_without_root_and_sudo_the_error_names_the_ways_out(ordinary_user: StandIns) -> None:
    with pytest.raises(NotRoot, match="control-plane"):
        Cluster("one", "native").up()


def test_with_sudo_the_same_command_runs_as_root_on_the_users_folders(
    ordinary_user: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary_user.add("sudo")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    Cluster("one", "native", fsync=False).up()

    (call,) = ordinary_user.calls("sudo")
    assert call[0] == "env"
    assert f"MLOPS_LOCALCLUSTER_HOME={tmp_path / 'home'}" in call
    assert f"XDG_CACHE_HOME={tmp_path / 'cache'}" in call
    start = call.index("-m")
    assert call[start:] == ["-m", "localcluster", "up", "--name", "one", "--engine", "native", "--no-fsync"]


def test_root_itself_needs_no_sudo() -> None:
    assert elevate.is_root() == (os.geteuid() == 0)


def test_the_command_without_sudo_fails_before_anything_runs(programs: StandIns) -> None:
    with pytest.raises(NotRoot):
        elevate.command("up")
