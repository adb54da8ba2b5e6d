# SPDX-License-Identifier: Apache-2.0
"""Address and credentials of the API server: the service account of a pod, read here, or kubeconfig files
(`kubeconfig.py`)."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlops_operator.kube.auth import Authorization, TokenFile
from mlops_operator.kube.errors import ApiError

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts the token, the CA and the namespace of a pod's service account."""


class ConfigError(ApiError):
    """There is no usable description of the cluster."""


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """How to reach and speak to one API server.

    Attributes:
        server: base URL without a trailing slash.
        tls: for https servers: trust and client certificate; None for plain http.
        authorization: source of the Authorization header.
        namespace: the namespace the operator itself lives in, or the kubeconfig context's.
        in_cluster: whether this is a pod speaking with its service account.
        headers: sent with every request, e.g. impersonation.
        proxy: URL of an HTTP proxy, if one is to be used.
        server_name: name to expect in the server's certificate where it is not the host's.
    """

    server: str
    tls: ssl.SSLContext | None
    authorization: Authorization
    namespace: str = "default"
    in_cluster: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    proxy: str | None = None
    server_name: str | None = None


def load_config(kubeconfig: Path | None = None, *, context: str | None = None) -> ClusterConfig:
    """The configuration from the first of these that exists: the given file, the service account, `KUBECONFIG`,
    `~/.kube/config`.

    `KUBECONFIG` may name several files, which are merged; those that do not exist are left out.

    Raises:
        ConfigError: none of them is there, or the one that is there cannot be used.
    """
    if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST") and (SERVICE_ACCOUNT / "token").exists():
        return from_service_account()
    named = [Path(name).expanduser() for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    candidates = named or [Path.home() / ".kube" / "config"]
    paths = [kubeconfig] if kubeconfig is not None else [path for path in candidates if path.exists()]
    if not paths:
        raise ConfigError(
            "found neither a service account nor a kubeconfig; expected one of "
            f"{SERVICE_ACCOUNT}, {', '.join(map(str, candidates))}; name a file with --kubeconfig"
        )
    # It needs the `kubernetes` package, which nothing inside a cluster has to pay for.
    from mlops_operator.kube.kubeconfig import from_kubeconfig

    return from_kubeconfig(*paths, context=context)


def from_service_account(directory: Path = SERVICE_ACCOUNT) -> ClusterConfig:
    """The configuration of a pod with a mounted service account."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        tls.load_verify_locations(cafile=directory / "ca.crt")
        namespace = (directory / "namespace").read_text(encoding="ascii").strip()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the service account in {directory} cannot be used: {error}") from error
    bracketed = f"[{host}]" if ":" in host else host
    return ClusterConfig(
        server=f"https://{bracketed}:{port}",
        tls=tls,
        authorization=TokenFile(directory / "token"),
        namespace=namespace,
        in_cluster=True,
    )
