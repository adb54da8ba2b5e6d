# SPDX-License-Identifier: Apache-2.0
"""The configuration files of what runs on the node: container runtime, pod network, kubelet, kube-proxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcluster.native.addresses import Addresses
from localcluster.native.limits import Limits
from localcluster.native.namespaces import CONFIG

PAUSE_IMAGE = "localhost/mlops-localcluster/pause:1"
SOCKET = Path("/run/containerd/containerd.sock")

#: The kubelet's default; a pod costs it memory only when it exists.
_MAX_PODS = 110


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What the files depend on."""

    addresses: Addresses
    hostname: str
    limits: Limits
    plugins: Path
    runc: str
    #: overlayfs, or native where the state folder is itself on an overlay.
    snapshotter: str
    cgroup_version_2: bool


def write_all(folder: Path, settings: NodeSettings) -> None:
    """Write every file into ``folder``, which the node sees as :data:`CONFIG`."""
    (folder / "cni").mkdir(parents=True, exist_ok=True)
    (folder / "containerd.toml").write_text(containerd(settings))
    (folder / "cni/10-pods.conflist").write_text(json.dumps(pod_network(settings), indent=1))
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(kubelet(settings)))
    (folder / "kube-proxy.yaml").write_text(yaml.safe_dump(kube_proxy(settings)))
    # An address without a listener: no query leaves the machine, and none waits for an answer that cannot come.
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")


def containerd(settings: NodeSettings) -> str:
    """containerd's configuration; version 2 of the format is read by 1.6 up to 2.x."""
    restrict = json.dumps(not settings.limits.may_raise)
    return f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE no pod sandbox starts otherwise: the kubelet asks for -998.
  restrict_oom_score_adj = {restrict}
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{settings.snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{settings.runc}"
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{settings.plugins}"
    conf_dir = "{CONFIG}/cni"
"""


def pod_network(settings: NodeSettings) -> dict[str, Any]:
    """A routed link per pod.

    With a bridge, answers between two pods of the node would bypass the translation of Service addresses unless the
    machine had the br_netfilter module loaded; routed links need nothing of the machine.
    """
    pods = {
        "type": "ptp",
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            # Below /run: a restarted node has no pods, so no address is in use.
            "dataDir": "/run/pod-addresses",
            "ranges": [[{"subnet": str(settings.addresses.pods)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [pods, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def kubelet(settings: NodeSettings) -> dict[str, Any]:
    """The kubelet's configuration."""
    document: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": settings.addresses.node,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{CONFIG}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{CONFIG}/pki/kubelet-serving.crt",
        "tlsPrivateKeyFile": f"{CONFIG}/pki/kubelet-serving.key",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        # cgroupfs, as configured in containerd: the node is not a systemd unit.
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{settings.addresses.cgroup}",
        "failSwapOn": False,
        # Checks the kernel settings instead of changing them; the right values are shown to it.
        "protectKernelDefaults": True,
        "oomScoreAdj": settings.limits.oom_score,
        "maxOpenFiles": settings.limits.open_files,
        "maxPods": _MAX_PODS,
        "clusterDomain": "cluster.local",
        "clusterDNS": [settings.addresses.dns],
        "resolvConf": f"{CONFIG}/resolv.conf",
        # The disk is the machine's: its filling up must evict no pod here. Memory is real.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        # Images were loaded from files; once deleted they could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        # Changed ConfigMaps reach the pods that mount them within this time; the default of a minute tries patience.
        "syncFrequency": "10s",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    }
    if not settings.cgroup_version_2:
        # The kubelet refuses cgroup version 1 unless configured otherwise, which only the file can do.
        document["failCgroupV1"] = False
    return document


def kube_proxy(settings: NodeSettings) -> dict[str, Any]:
    """kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": str(settings.addresses.pods),
        "hostnameOverride": settings.hostname,
        "oomScoreAdj": settings.limits.oom_score,
        # Zero leaves the machine's connection tracking limits alone.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "clientConnection": {"kubeconfig": f"{CONFIG}/pki/kube-proxy.kubeconfig"},
    }
