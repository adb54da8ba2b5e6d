"""Which API server, and as whom: the pod's service account or a kubeconfig file."""

import base64
import os
import ssl
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from mlops_operator.kube.auth import Authorization, PluginAuthorization, StaticAuthorization, TokenFile
from mlops_operator.kube.errors import ApiError

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts the token, the CA and the namespace of a pod's service account."""

Entry: TypeAlias = Mapping[str, Any]
"""A mapping of a kubeconfig: free-form YAML until it is checked here."""


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
    """The configuration by the usual order: the given file, the service account, `KUBECONFIG`, `~/.kube/config`.

    Raises:
        ConfigError: none of them is there, or the one that is there cannot be used.
    """
    if kubeconfig is not None:
        return from_kubeconfig(kubeconfig, context=context)
    if os.environ.get("KUBERNETES_SERVICE_HOST") and (SERVICE_ACCOUNT / "token").exists():
        return from_service_account()
    # Several files in KUBECONFIG are merged by kubectl; here the first that exists is the configuration.
    candidates = [Path(name) for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    candidates.append(Path.home() / ".kube" / "config")
    for path in candidates:
        if path.exists():
            return from_kubeconfig(path, context=context)
    raise ConfigError(
        "found neither a service account nor a kubeconfig; expected one of "
        f"{SERVICE_ACCOUNT}, {', '.join(map(str, candidates))}; name a file with --kubeconfig"
    )


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


def from_kubeconfig(path: Path, *, context: str | None = None) -> ClusterConfig:
    """The configuration of one context (the current one by default) of a kubeconfig file."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the kubeconfig {path}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"the kubeconfig {path} is not a mapping")
    name = context or document.get("current-context") or ""
    chosen = _named(document, "contexts", "context", name, path)
    cluster = _named(document, "clusters", "cluster", chosen.get("cluster", ""), path)
    user = _named(document, "users", "user", chosen["user"], path) if chosen.get("user") else {}
    server = str(cluster.get("server") or "").rstrip("/")
    if not server.startswith(("http://", "https://")):
        raise ConfigError(f"the cluster of context {name!r} in {path} has server {server!r}; expected an http(s) URL")
    return ClusterConfig(
        server=server,
        tls=_tls(cluster, user, base=path.parent) if server.startswith("https://") else None,
        authorization=_authorization(user, path=path, context=name),
        namespace=chosen.get("namespace") or "default",
        headers=_impersonation(user),
        proxy=cluster.get("proxy-url"),
        server_name=cluster.get("tls-server-name"),
    )


def _named(document: Entry, section: str, item: str, name: str, path: Path) -> Entry:
    for entry in document.get(section) or ():
        if entry.get("name") == name:
            found: Entry = entry.get(item) or {}
            return found
    known = ", ".join(repr(entry.get("name")) for entry in document.get(section) or ()) or "none"
    raise ConfigError(f"the kubeconfig {path} has no {item} {name!r}; it has: {known}")


def _tls(cluster: Entry, user: Entry, *, base: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif authority := _content(cluster, "certificate-authority", base=base):
            context.load_verify_locations(cadata=authority.decode("ascii"))
        else:
            context.load_default_certs()
        certificate = _content(user, "client-certificate", base=base)
        key = _content(user, "client-key", base=base)
        if certificate and key:
            # Only files are accepted by ssl; both go into one that is gone when the context has read it.
            with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
                pem.write(certificate + b"\n" + key)
                pem.flush()
                context.load_cert_chain(pem.name)
    except (OSError, ValueError, ssl.SSLError) as error:
        raise ConfigError(f"the kubeconfig's certificates cannot be used: {error}") from error
    return context


def _content(entry: Entry, name: str, *, base: Path) -> bytes | None:
    """Content of a field that may be inline (`<name>-data`, base64) or a file relative to the kubeconfig."""
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(str(data))
    if file := entry.get(name):
        return (base / str(file)).read_bytes()
    return None


def _authorization(user: Entry, *, path: Path, context: str) -> Authorization:
    if file := user.get("tokenFile"):
        return TokenFile(path.parent / file)
    if token := user.get("token"):
        return StaticAuthorization(f"Bearer {token}")
    if user.get("username") and user.get("password"):
        pair = f"{user['username']}:{user['password']}".encode()
        return StaticAuthorization("Basic " + base64.b64encode(pair).decode("ascii"))
    if user.get("exec") or user.get("auth-provider"):
        return PluginAuthorization(_Plugin(path, context))
    return StaticAuthorization()


class _Plugin:
    """Asks the `kubernetes` package, which knows every plugin protocol; imported only where it is needed (20 MB)."""

    def __init__(self, path: Path, context: str) -> None:
        self._path = path
        self._context = context
        self._configuration: Any = None
        self._lock = threading.Lock()  # the lease's thread asks as well

    def __call__(self) -> str:
        from kubernetes import client, config

        with self._lock:
            if self._configuration is None:
                self._configuration = client.Configuration()
                load: Any = config.load_kube_config
                load(str(self._path), context=self._context, client_configuration=self._configuration)
            header: str | None = self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if not header:
            raise ConfigError("the credential plugin gave no token; client certificates of plugins are not supported")
        return header


def _impersonation(user: Entry) -> dict[str, str]:
    headers: dict[str, str] = {}
    if user.get("as"):
        headers["Impersonate-User"] = user["as"]
    if user.get("as-uid"):
        headers["Impersonate-Uid"] = user["as-uid"]
    groups = user.get("as-groups") or ()
    if len(groups) > 1 or user.get("as-user-extra"):
        raise ConfigError("the kubeconfig impersonates several groups or extra fields; at most one group is supported")
    for group in groups:
        headers["Impersonate-Group"] = group
    return headers
