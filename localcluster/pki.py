# SPDX-License-Identifier: Apache-2.0
"""All keys, certificates and kubeconfigs of one cluster, written to one folder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcluster import kubeconfig
from localcluster.certificates import KeyPair, create_authority, create_signing_key, issue

#: Client name -> groups; the names are those that Kubernetes' built-in roles are bound to.
_CLIENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("kubernetes-admin", ("system:masters",)),
    "controller-manager": ("system:kube-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "kube-proxy": ("system:kube-proxy", ()),
}

#: What the API server is called by pods.
_SERVICE_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True, slots=True)
class Pki:
    """The folder that :func:`prepare` filled; paths as the components see them."""

    folder: Path

    def certificate(self, name: str) -> str:
        """Path of a certificate (or, for ``service-account``, of the public key)."""
        return str(self.folder / f"{name}.crt")

    def key(self, name: str) -> str:
        """Path of a private key."""
        return str(self.folder / f"{name}.key")

    def kubeconfig(self, name: str) -> str:
        """Path of the kubeconfig of one client."""
        return str(self.folder / f"{name}.kubeconfig")


def prepare(
    folder: Path,
    *,
    cluster: str,
    server: str,
    names: list[str],
    addresses: list[str],
    node: tuple[str, str] | None = None,
    now: dt.datetime | None = None,
) -> Pki:
    """Fill ``folder``: authorities once, everything else at each call.

    ``server`` is the API server's URL in the kubeconfigs, ``names`` and ``addresses`` what else its certificate stands
    for; ``node`` is the name and address of the node, if there is one.
    """
    now = now or dt.datetime.now(dt.UTC)
    authority = _lasting(folder, "ca", lambda: create_authority(f"{cluster}-ca", now=now))
    front = _lasting(folder, "front-proxy-ca", lambda: create_authority(f"{cluster}-front-proxy-ca", now=now))
    _lasting(folder, "service-account", create_signing_key)

    serving_names = ["localhost", *_SERVICE_NAMES, *names]
    serving = issue(authority, "kube-apiserver", now=now, names=serving_names, addresses=["127.0.0.1", *addresses])
    serving.write(folder, "apiserver")
    issue(authority, "apiserver-kubelet-client", now=now, organizations=["system:masters"]).write(
        folder, "apiserver-kubelet-client"
    )
    issue(front, "front-proxy-client", now=now).write(folder, "front-proxy-client")

    clients = dict(_CLIENTS)
    if node is not None:
        node_name, node_address = node
        clients["kubelet"] = (f"system:node:{node_name}", ("system:nodes",))
        kubelet = issue(authority, node_name, now=now, names=[node_name], addresses=[node_address])
        kubelet.write(folder, "kubelet-serving")
    for client, (user, groups) in clients.items():
        pair = issue(authority, user, now=now, organizations=groups)
        kubeconfig.write(
            folder / f"{client}.kubeconfig", name=cluster, server=server, authority=authority.certificate, user=pair
        )
    return Pki(folder)


def _lasting(folder: Path, name: str, create: Callable[[], KeyPair]) -> KeyPair:
    """The key pair of that name, made only if it is not there yet."""
    if (folder / f"{name}.key").exists():
        return KeyPair.read(folder, name)
    pair = create()
    pair.write(folder, name)
    return pair
