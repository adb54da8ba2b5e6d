# SPDX-License-Identifier: Apache-2.0
"""What a cluster has besides Kubernetes itself: DNS, a default StorageClass, resource metrics."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from string import Template

from localcluster.addon_images import reference

_FOLDER = Path(__file__).parent


class Addon(StrEnum):
    """The manifests in this folder."""

    DNS = "coredns"
    STORAGE = "storage"
    METRICS = "metrics-server"


#: How metrics-server trusts the kubelet: by the cluster's own authority, or not at all where it signed no certificate.
KUBELET_SIGNED_BY_CLUSTER = "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
KUBELET_SELF_SIGNED = "--kubelet-insecure-tls"

#: Deployments to wait for, by add-on: namespace and name.
DEPLOYMENTS = {
    Addon.DNS: ("kube-system", "coredns"),
    Addon.STORAGE: ("local-path-storage", "local-path-provisioner"),
    Addon.METRICS: ("kube-system", "metrics-server"),
}


def render(*addons: Addon, kubelet_trust: str, dns_address: str = "") -> str:
    """The manifests of some add-ons as one YAML stream."""
    values = {
        "coredns_image": reference("coredns"),
        "local_path_provisioner_image": reference("local-path-provisioner"),
        "volume_helper_image": reference("volume-helper"),
        "metrics_server_image": reference("metrics-server"),
        "dns_address": dns_address,
        "kubelet_trust": kubelet_trust,
    }
    texts = [Template((_FOLDER / f"{addon}.yaml").read_text()).substitute(values) for addon in addons]
    return "\n---\n".join(texts)
