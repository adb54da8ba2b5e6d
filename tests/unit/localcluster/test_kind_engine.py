# SPDX-License-Identifier: Apache-2.0
"""What kind and Docker are told to do, on stand-ins that note how they are called."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from images.oci import Image, write_archive, write_layer
from localcluster import Cluster, cli, elevate, kind
from localcluster.errors import (
    ClusterNotCreated,
    KindMissing,
    KindNameTaken,
    NodesDeleted,
    Unsupported,
)
from localcluster.images import image_digests
from localcluster.kindhost import configuration, kit, node_image
from localcluster.kindhost.options import IMAGE_VARIABLE, WORKERS_VARIABLE
from tests.unit.localcluster.stand_ins import Notes, StandIns


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

    with pytest.raises(ClusterNotCreated):
        Cluster("one", "kind").up()

    first, second = [call for call in kind_programs.calls("kind") if call[0] == "create"]
    assert "--image" not in first
    assert second[second.index("--image") + 1] == node_image.REFERENCE
    assert made == ["one"]


def test_another_failure_of_kind_makes_no_image(kind_programs: StandIns) -> None:
    kind_programs.answer({"kind create cluster": "ERROR: the port is taken"}, failing=("kind create cluster",))

    with pytest.raises(ClusterNotCreated, match="port is taken"):
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
        *("--config", str(configuration.DEFAULT), "--kubeconfig", str(one.kubeconfig), "--wait", "180s"),
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


def test_several_archives_are_loaded_as_one_with_what_they_share_once(
    kind_programs: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "image_digests", image_digests)
    (tmp_path / "tree").mkdir()
    layer = write_layer(tmp_path / "layer.tar", [(tmp_path / "tree", "")])
    archives = [tmp_path / "a.tar", tmp_path / "b.tar"]
    for archive in archives:
        write_archive(archive, [Image(f"localhost/{archive.stem}:1", [layer])])
    write_archive(kind_programs.folder / "addons.tar", [Image("localhost/addons:1", [layer])])
    one = Cluster("one", "kind").up()

    for _ in range(2):
        assert one.load_images(archives) == ["localhost/a:1", "localhost/b:1"]

    (_, loaded) = [call for call in kind_programs.calls("kind") if call[0] == "load"]
    assert Path(loaded[2]).name == "images.tar"
    assert not Path(loaded[2]).exists()


def test_a_kind_cluster_that_was_deleted_by_hand_is_noticed_and_made_again(
    kind_programs: StandIns, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["one-control-plane", "one-worker", "one-worker2"]
    kind_programs.answer({"docker ps --all": "".join(f"{name}\trunning\n" for name in names)})
    Cluster("one", "kind", workers=2, image="node:1").up()
    kind_programs.answer()

    assert [(row.component, row.state) for row in Cluster("one").status()] == [(name, "deleted") for name in names]
    assert cli.main(["status", "--name", "one"]) == 1
    assert "`up` makes it again" in capsys.readouterr().err

    notes = Notes()
    Cluster("one", progress=notes).up()

    first, second = [call for call in kind_programs.calls("kind") if call[0] == "create"]
    assert first == second
    assert second[second.index("--image") + 1] == "node:1"
    config = yaml.safe_load(Path(second[second.index("--config") + 1]).read_text())
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert notes.texts == ["the kind cluster one was deleted without this tool; it is created again"]
    assert len([call for call in kind_programs.calls("kind") if call[0] == "load"]) == 2


def test_a_kind_cluster_of_which_one_node_was_deleted_is_an_error(kind_programs: StandIns) -> None:
    kind_programs.answer({"docker ps --all": "one-control-plane\trunning\none-worker\trunning\n"})
    Cluster("one", "kind", workers=1).up()
    kind_programs.answer({"kind get clusters": "one\n", "docker ps --all": "one-control-plane\trunning\n"})

    with pytest.raises(NodesDeleted, match="one-worker was deleted"):
        Cluster("one").up()


def test_stopped_nodes_are_started(kind_programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    Cluster("one", "kind").up()
    monkeypatch.setattr(kind, "Client", lambda _kubeconfig: SimpleNamespace(is_ready=lambda: True))
    kind_programs.answer({"kind get clusters": "one\n", "docker ps --all": "one-control-plane\texited\n"})

    Cluster("one").up()

    assert ["start", "one-control-plane"] in kind_programs.calls("docker")


def test_image_and_workers_of_the_environment_are_used(
    kind_programs: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(IMAGE_VARIABLE, "node:2")
    monkeypatch.setenv(WORKERS_VARIABLE, "1")

    assert cli.main(["up", "--name", "one", "--engine", "kind"]) == 0

    (create,) = [call for call in kind_programs.calls("kind") if call[0] == "create"]
    assert create[create.index("--image") + 1] == "node:2"
    config = yaml.safe_load(Path(create[create.index("--config") + 1]).read_text())
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker"]


def test_options_for_a_cluster_that_exists_are_noted_as_without_effect(kind_programs: StandIns) -> None:
    Cluster("one", "kind").up()
    kind_programs.answer({"kind get clusters": "one\n"})
    notes = Notes()

    Cluster("one", workers=3, progress=notes).up()

    assert notes.texts == ["the cluster one exists: its nodes and their image stay as they are"]


def test_a_failing_kind_shows_the_cause_and_keeps_the_rest_in_a_file(kind_programs: StandIns) -> None:
    trace = "".join(f"main.f{number}\n\tmain.go:{number}\n" for number in range(300))
    text = f"ERROR: failed to create cluster: no\nStack Trace:\n{trace}"
    kind_programs.answer({"kind create cluster": text}, failing=("kind create cluster",))
    one = Cluster("one", "kind")

    with pytest.raises(ClusterNotCreated) as problem:
        one.up()

    assert "ERROR: failed to create cluster: no" in str(problem.value)
    assert len(str(problem.value).splitlines()) <= 20
    assert "main.go" not in str(problem.value)
    assert (one.folder / "log/kind-create.log").read_text() == text.strip()
    assert [(row.component, row.state) for row in one.status()] == [("one-control-plane", "not created")]


def test_what_a_failed_creation_was_asked_for_is_not_remembered(kind_programs: StandIns) -> None:
    kind_programs.answer({"kind create cluster": "ERROR: no"}, failing=("kind create cluster",))
    with pytest.raises(ClusterNotCreated):
        Cluster("one", "kind", workers=2, image="node:1").up()
    kind_programs.answer()

    Cluster("one").up()

    create = [call for call in kind_programs.calls("kind") if call[0] == "create"][-1]
    assert create[create.index("--config") + 1] == str(configuration.DEFAULT)
    assert "--image" not in create


def test_a_cluster_whose_second_creation_fails_is_remembered_as_it_was(kind_programs: StandIns) -> None:
    kind_programs.answer({"docker ps --all": "one-control-plane\trunning\none-worker\trunning\n"})
    Cluster("one", "kind", workers=1, image="node:1").up()
    kind_programs.answer({"kind create cluster": "ERROR: no"}, failing=("kind create cluster",))

    for _ in range(2):
        with pytest.raises(ClusterNotCreated):
            Cluster("one").up()

    first, second, third = [call for call in kind_programs.calls("kind") if call[0] == "create"]
    assert first == second == third


def test_a_named_image_that_cannot_be_pulled_is_not_replaced_by_another(kind_programs: StandIns) -> None:
    kind_programs.answer({"kind create cluster": "ERROR: failed to pull image"}, failing=("kind create cluster",))

    with pytest.raises(ClusterNotCreated, match="failed to pull image"):
        Cluster("one", "kind", image="node:1").up()


def test_podman_is_refused_before_anything_is_made(kind_programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")

    with pytest.raises(Unsupported, match="podman is not supported"):
        Cluster("one", "kind").up()
    assert kind_programs.calls("kind") == []
    kind_programs.answer(failing=("docker ps --all",))  # there may be no Docker at all
    assert [row.state for row in Cluster("one").status()] == ["not created"]


def test_the_status_of_a_kind_cluster_is_its_containers(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind").up()
    kind_programs.answer({"docker ps --all": "one-control-plane\trunning\n"})

    assert [(row.component, row.state, row.healthy) for row in one.status()] == [("one-control-plane", "running", True)]


def test_logs_of_a_kind_cluster_come_from_docker(kind_programs: StandIns) -> None:
    one = Cluster("one", "kind").up()
    kind_programs.answer(
        {"docker ps --all": "one-control-plane\trunning\n", "docker logs one-control-plane": "started\n"}
    )

    assert one.logs("one-control-plane") == "started\n"


def test_the_kind_configuration_is_one_node_on_loopback() -> None:
    document = yaml.safe_load(configuration.DEFAULT.read_text())

    assert (document["kind"], document["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    assert document["nodes"] == [{"role": "control-plane"}]
    assert document["networking"]["apiServerAddress"] == "127.0.0.1"
