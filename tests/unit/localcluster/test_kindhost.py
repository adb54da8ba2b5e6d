# SPDX-License-Identifier: Apache-2.0
"""What kind is given, what a node image is made of, and when root is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from localcluster import kubeconfig, paths
from localcluster.errors import InvalidConfiguration
from localcluster.kindhost import configuration, kit, node_image, node_root
from localcluster.kindhost.options import KindOptions
from localcluster.state import ClusterState

THREE_NODES = paths.repository() / "tests/kind/three-nodes.yaml"
SHORT_CLOCKS = paths.repository() / "tests/kind/short-clocks.yaml"


def test_nothing_to_add_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    written = configuration.write(tmp_path / "new.yaml", KindOptions(), audit=None)

    assert written == configuration.DEFAULT
    assert not (tmp_path / "new.yaml").exists()


def test_a_patch_is_added_to_what_is_there() -> None:
    first = configuration.patched({"nodes": []}, {"kubeadmConfigPatches": ["a"]})
    both = configuration.patched(first, {"kubeadmConfigPatches": ["b"]})

    assert both == {"nodes": [], "kubeadmConfigPatches": ["a", "b"]}
    assert first["kubeadmConfigPatches"] == ["a"]


def test_a_patch_of_anything_else_is_refused() -> None:
    with pytest.raises(InvalidConfiguration, match="nodes"):
        configuration.patched({}, {"nodes": []})


@pytest.mark.parametrize("text", ["- a list", "key: [unclosed", ""])
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InvalidConfiguration):
        configuration.load(path)
    with pytest.raises(InvalidConfiguration):
        configuration.load(tmp_path / "none.yaml")


def test_the_audit_folder_is_mounted_into_control_planes_alone() -> None:
    document = configuration.with_audit(configuration.load(THREE_NODES), Path("/somewhere"))

    mounts = [node.get("extraMounts") for node in document["nodes"]]
    assert mounts == [[{"hostPath": "/somewhere", "containerPath": configuration.AUDIT_FOLDER}], None, None]


def test_the_audit_arguments_fit_each_version_of_kubeadm() -> None:
    document = configuration.with_audit({}, Path("/somewhere"))

    new, old = (yaml.safe_load(patch["patch"]) for patch in document["kubeadmConfigPatchesJSON6902"])
    log = f"{configuration.AUDIT_FOLDER}/{configuration.AUDIT_LOG_FILE}"
    # A list since v1beta4: its other entries are kind's own and must stay.
    value = {"name": "audit-log-path", "value": log}
    assert {"op": "add", "path": "/apiServer/extraArgs/-", "value": value} in new
    assert {"op": "add", "path": "/apiServer/extraArgs/audit-log-path", "value": log} in old


def test_short_clocks_can_be_added_to_three_nodes_with_an_audit_log(tmp_path: Path) -> None:
    written = configuration.write(tmp_path / "new.yaml", KindOptions(THREE_NODES, (SHORT_CLOCKS,)), audit=tmp_path)

    document = yaml.safe_load(written.read_text())
    assert [node["role"] for node in document["nodes"]] == ["control-plane", "worker", "worker"]
    assert len(document["kubeadmConfigPatchesJSON6902"]) == 4


def test_a_living_node_renews_its_lease_well_within_the_short_grace() -> None:
    patches = configuration.load(SHORT_CLOCKS)["kubeadmConfigPatchesJSON6902"]
    by_kind = {patch["kind"]: yaml.safe_load(patch["patch"]) for patch in patches}
    arguments = {entry["value"]["name"]: entry["value"]["value"] for entry in by_kind["ClusterConfiguration"]}
    kubelet = {entry["path"]: entry["value"] for entry in by_kind["KubeletConfiguration"]}

    grace = int(arguments["node-monitor-grace-period"].removesuffix("s"))
    # The kubelet renews after a quarter of the lease.
    assert kubelet["/nodeLeaseDurationSeconds"] / 4 * 4 <= grace


@pytest.mark.parametrize(
    ("state", "docker", "expected"),
    [
        (None, True, False),
        (None, False, True),
        (ClusterState("one", "kind", kind_created=True), False, False),
        (ClusterState("one", "kind", kind_created=True, slot=3), True, True),
    ],
)
def test_root_is_needed_for_a_docker_of_the_clusters_own(
    monkeypatch: pytest.MonkeyPatch, state: ClusterState | None, docker: bool, expected: bool
) -> None:
    monkeypatch.setattr(kit, "docker_answers", lambda: docker)

    assert kit.needs_root(state) is expected


def test_components_are_known_by_the_names_that_kubeadm_gives_them(tmp_path: Path) -> None:
    kubeadm = tmp_path / "kubeadm"
    kubeadm.write_text("#!/bin/sh\necho registry.example/coredns/coredns:v1\necho registry.example/pause:3\n")
    kubeadm.chmod(0o755)

    assert node_image.kubeadm_images(kubeadm) == {
        "coredns": "registry.example/coredns/coredns:v1",
        "pause": "registry.example/pause:3",
    }


def test_containerd_is_told_the_sandbox_image_and_the_missing_right() -> None:
    lines = ["# comment", '  sandbox_image = "old"', "  restrict_oom_score_adj = false", "version = 2"]

    assert [node_root._containerd_line(line, "pause:3") for line in lines] == [
        "# comment",
        '  sandbox_image = "pause:3"',
        "  restrict_oom_score_adj = true",
        "version = 2",
    ]


def test_the_network_uses_the_image_that_is_made_for_it() -> None:
    documents = list(yaml.safe_load_all((Path(node_root.__file__).parent / "network.yaml").read_text()))
    pod = next(one for one in documents if one["kind"] == "DaemonSet")["spec"]["template"]["spec"]

    images = {container["image"] for container in [*pod["initContainers"], *pod["containers"]]}
    assert images == {node_image.NETWORK_REFERENCE}


def test_a_kubeconfig_is_redirected_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({"clusters": [{"name": "one", "cluster": {"server": "https://old:1"}}]}))

    kubeconfig.redirect(path, "https://10.98.0.2:6443")

    assert yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"] == "https://10.98.0.2:6443"
    assert path.stat().st_mode & 0o077 == 0
