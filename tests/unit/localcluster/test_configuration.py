# SPDX-License-Identifier: Apache-2.0
"""Command lines and files that the components are started with."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from localcluster import addons
from localcluster.addon_images import reference
from localcluster.addons import Addon
from localcluster.components import AUDIT_POLICY, ControlPlane
from localcluster.native import configuration
from localcluster.native.addresses import Addresses
from localcluster.native.limits import Limits, detect
from localcluster.pki import Pki


def plane(**changes: object) -> ControlPlane:
    settings: dict[str, object] = {
        "programs": Path("/bin"),
        "pki": Pki(Path("/pki")),
        "data": Path("/data"),
        "sockets": Path("/run/x"),
        "service_range": "10.96.0.0/16",
        "bind_address": "127.0.0.1",
        "port": 21000,
    }
    return ControlPlane(**{**settings, **changes})  # type: ignore[arg-type]


def node(*, may_raise: bool = True, version_2: bool = True) -> configuration.NodeSettings:
    return configuration.NodeSettings(
        addresses=Addresses(5),
        hostname="one-node",
        limits=Limits(may_raise=may_raise, open_files=1024),
        plugins=Path("/usr/lib/cni"),
        runc="/usr/sbin/runc",
        snapshotter="overlayfs",
        cgroup_version_2=version_2,
    )


def test_etcd_listens_on_no_port() -> None:
    urls = [argument for argument in plane().etcd() if "urls" in argument]

    assert len(urls) == 4
    assert all("=unix:///run/x/" in url for url in urls)


def test_etcd_forgets_to_sync_only_if_told_so() -> None:
    assert "--unsafe-no-fsync" not in plane().etcd()
    assert "--unsafe-no-fsync" in plane(fsync=False).etcd()


def test_controllers_and_scheduler_listen_on_no_port() -> None:
    assert "--secure-port=0" in plane().controller_manager()
    assert "--secure-port=0" in plane().scheduler()


def test_the_api_server_writes_an_audit_log_only_if_told_where() -> None:
    assert not [argument for argument in plane().apiserver() if "audit" in argument]
    told = plane(audit_policy=Path("/policy"), audit_log=Path("/log")).apiserver()
    assert {"--audit-policy-file=/policy", "--audit-log-path=/log"} <= set(told)


def test_the_audit_policy_takes_every_request_once() -> None:
    policy = yaml.safe_load(AUDIT_POLICY)

    assert policy["rules"] == [{"level": "Metadata"}]
    assert policy["omitStages"] == ["RequestReceived"]


def test_a_loopback_api_server_is_nobodys_endpoint() -> None:
    assert "--endpoint-reconciler-type=none" in plane().apiserver()
    assert "--advertise-address=10.89.0.2" in plane(advertise_address="10.89.0.2").apiserver()


@pytest.mark.parametrize("may_raise", [True, False])
def test_without_the_capability_nothing_asks_for_a_lower_oom_score(may_raise: bool) -> None:
    settings = node(may_raise=may_raise)

    runtime = tomllib.loads(configuration.containerd(settings))["plugins"]["io.containerd.grpc.v1.cri"]
    assert runtime["restrict_oom_score_adj"] is not may_raise
    assert configuration.kubelet(settings)["oomScoreAdj"] == (-999 if may_raise else 0)
    assert configuration.kube_proxy(settings)["oomScoreAdj"] == (-999 if may_raise else 0)


def test_the_capability_and_the_file_limit_are_read_from_the_kernel(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t000001fffeffffff\n")
    assert not detect(status).may_raise
    status.write_text("Name:\tx\nCapEff:\t000001ffffffffff\n")
    assert detect(status) == Limits(may_raise=True, open_files=1_000_000)


def test_cgroup_version_1_is_tolerated_where_it_is_the_version() -> None:
    assert configuration.kubelet(node(version_2=False))["failCgroupV1"] is False
    assert "failCgroupV1" not in configuration.kubelet(node(version_2=True))


def test_the_nodes_files_agree_about_addresses_and_places(tmp_path: Path) -> None:
    configuration.write_all(tmp_path, node())

    kubelet = yaml.safe_load((tmp_path / "kubelet.yaml").read_text())
    proxy = yaml.safe_load((tmp_path / "kube-proxy.yaml").read_text())
    runtime = tomllib.loads((tmp_path / "containerd.toml").read_text())
    network = yaml.safe_load((tmp_path / "cni/10-pods.conflist").read_text())
    assert kubelet["clusterDNS"] == [Addresses(5).dns]
    assert kubelet["cgroupRoot"] == "/mlops-5"
    assert kubelet["containerRuntimeEndpoint"] == f"unix://{runtime['grpc']['address']}"
    assert network["plugins"][0]["ipam"]["ranges"] == [[{"subnet": proxy["clusterCIDR"]}]]
    assert runtime["plugins"]["io.containerd.grpc.v1.cri"]["sandbox_image"] == reference("pause")


def test_manifests_of_all_addons_are_complete() -> None:
    text = addons.render(*Addon, kubelet_trust=addons.KUBELET_SIGNED_BY_CLUSTER, dns_address="10.98.0.10")
    documents = [document for document in yaml.safe_load_all(text) if document]

    deployments = {
        (one["metadata"]["namespace"], one["metadata"]["name"]): one for one in documents if one["kind"] == "Deployment"
    }
    assert set(deployments) == set(addons.DEPLOYMENTS.values())
    images = {c["image"] for one in deployments.values() for c in one["spec"]["template"]["spec"]["containers"]}
    assert images == {reference(name) for name in ("coredns", "metrics-server", "local-path-provisioner")}
    classes = [one for one in documents if one["kind"] == "StorageClass"]
    assert [one["metadata"]["name"] for one in classes] == ["standard"]
    assert classes[0]["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    services = {one["metadata"]["name"]: one["spec"] for one in documents if one["kind"] == "Service"}
    assert services["kube-dns"]["clusterIP"] == "10.98.0.10"


def test_addons_ask_for_no_wildcard_rights() -> None:
    text = addons.render(*Addon, kubelet_trust=addons.KUBELET_SELF_SIGNED)
    roles = [one for one in yaml.safe_load_all(text) if one and one["kind"] in {"Role", "ClusterRole"}]

    assert roles
    assert not [rule for role in roles for rule in role["rules"] for values in rule.values() if "*" in values]
