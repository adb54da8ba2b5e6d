# SPDX-License-Identifier: Apache-2.0
"""Outside a cluster: kubeconfig files, whose credentials the `kubernetes` package loads.

That package knows every way to authenticate, exec plugins included, and costs 20 MB and half a second. It is imported
here alone, and only where a kubeconfig is used: never inside a cluster. The entries of the context are selected and
checked before it sees them: its own errors name no file, and of several files it takes the last `current-context`
(kubectl the first) and resolves all paths against the folder of the cluster's entry.
"""

import base64
import binascii
import os
import shutil
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from mlops_operator.kube.auth import Authorization, PluginAuthorization, StaticAuthorization, TokenFile
from mlops_operator.kube.config import ClusterConfig, ConfigError

Entry: TypeAlias = Mapping[str, Any]
"""A mapping of a kubeconfig: free-form YAML until it is checked here."""

_SECTIONS: Final = {"contexts": "context", "clusters": "cluster", "users": "user"}

_FILES: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
"""Fields that name a file, relative to the kubeconfig."""

_INLINE: Final = ("certificate-authority-data", "client-certificate-data", "client-key-data")
"""Fields that hold a file's content in base64."""


@dataclass(frozen=True)
class Item:
    """One context, cluster or user, and where it was found.

    Attributes:
        entry: its fields.
        field: path of the field that holds it, for example `clusters[main].cluster`.
        path: the file.
    """

    entry: Entry
    field: str
    path: Path

    def error(self, name: str, problem: str) -> ConfigError:
        """What is wrong with one of its fields."""
        return ConfigError(f"kubeconfig {self.path}: {self.field}.{name}: {problem}")


def from_kubeconfig(*paths: Path, context: str | None = None) -> ClusterConfig:
    """The configuration of one context (the current one by default) of the files, merged as kubectl merges them.

    Of two entries with one name the one in the first file counts, as does the first `current-context`.

    Raises:
        ConfigError: a file cannot be used, with its path and field, or the `kubernetes` package is not installed.
    """
    documents = {path: _document(path) for path in paths}
    name = context or next((str(found) for one in documents.values() if (found := one.get("current-context"))), "")
    if not name:
        raise ConfigError(f"kubeconfig {_shown(paths)}: current-context: expected the name of a context, found none")
    chosen = _named(documents, "contexts", name)
    cluster = _named(documents, "clusters", str(chosen.entry.get("cluster") or ""), asked_by=(chosen, "cluster"))
    user = Item({}, "users", chosen.path)
    if wanted := chosen.entry.get("user"):
        user = _named(documents, "users", str(wanted), asked_by=(chosen, "user"))
    server = str(cluster.entry.get("server") or "")
    if not server.startswith(("http://", "https://")):
        raise cluster.error("server", f"expected an http or https URL, found {server!r}")
    headers = _impersonation(user)
    loaded = _load(chosen, cluster, user)
    return ClusterConfig(
        server=server.rstrip("/"),
        tls=_tls(loaded, cluster, user) if server.startswith("https://") else None,
        authorization=_authorization(loaded, user),
        namespace=str(chosen.entry.get("namespace") or "default"),
        headers=headers,
        proxy=loaded.proxy or None,
        server_name=loaded.tls_server_name or None,
    )


def _shown(paths: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, paths))


def _document(path: Path) -> Entry:
    """A file whose sections have the shape of a kubeconfig's."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the kubeconfig {path}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"kubeconfig {path}: expected a mapping, found {type(document).__name__}")
    for section, item in _SECTIONS.items():
        entries = document.get(section) or []
        if not isinstance(entries, list):
            raise ConfigError(f"kubeconfig {path}: {section}: expected a list, found {type(entries).__name__}")
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                raise ConfigError(f"kubeconfig {path}: {section}[{number}]: expected a mapping with a name")
            if not isinstance(entry.get(item) or {}, dict):
                raise ConfigError(f"kubeconfig {path}: {section}[{entry['name']}].{item}: expected a mapping")
    return document


def _named(
    documents: Mapping[Path, Entry], section: str, name: str, *, asked_by: tuple[Item, str] | None = None
) -> Item:
    item = _SECTIONS[section]
    known: list[str] = []
    for path, document in documents.items():
        for entry in document.get(section) or ():
            if entry["name"] == name:
                return Item(entry.get(item) or {}, f"{section}[{name}].{item}", path)
            known.append(repr(entry["name"]))
    problem = f"no {item} {name!r}; it has: {', '.join(known) or 'none'}"
    if asked_by is not None:
        raise asked_by[0].error(asked_by[1], f"{_shown(list(documents))} has {problem}")
    raise ConfigError(f"kubeconfig {_shown(list(documents))}: {section}: {problem}")


def _resolved(item: Item) -> dict[str, Any]:
    """The fields of an entry with absolute paths, checked."""
    entry = dict(item.entry)
    for name in _INLINE:
        try:
            base64.b64decode(str(entry.get(name) or ""), validate=True)
        except binascii.Error as error:
            raise item.error(name, f"expected base64: {error}") from error
    for name in _FILES:
        if entry.get(name):
            file = item.path.parent.absolute() / Path(str(entry[name])).expanduser()
            if not file.is_file():
                raise item.error(name, f"expected a file, found none at {file}")
            entry[name] = str(file)
    if plugin := entry.get("exec"):
        entry["exec"] = _resolved_plugin(item, plugin)
    return entry


def _resolved_plugin(item: Item, plugin: Any) -> dict[str, Any]:
    if not isinstance(plugin, dict):
        raise item.error("exec", "expected a mapping")
    for name in ("command", "apiVersion"):
        if not isinstance(plugin.get(name), str):
            raise item.error(f"exec.{name}", f"expected a string, found {plugin.get(name)!r}")
    command = plugin["command"]
    # A bare name is searched in PATH, any other is relative to the kubeconfig.
    found = str(item.path.parent.absolute() / command) if os.sep in command else command
    if shutil.which(found) is None:
        raise item.error("exec.command", f"expected a program, found none named {command!r}")
    return {**plugin, "command": found}


def _load(chosen: Item, cluster: Item, user: Item) -> Any:
    """What the `kubernetes` package makes of the entries: a `kubernetes.client.Configuration`."""
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise ConfigError(
            f"kubeconfig {chosen.path}: the package `kubernetes`, which reads it, is not installed;"
            " install `mlops-client[kubeconfig]`, or use `ClusterConfig` with a server and an authorization"
        ) from error
    document = {
        "current-context": "selected",
        "contexts": [{"name": "selected", "context": {"cluster": "selected", "user": "selected"}}],
        "clusters": [{"name": "selected", "cluster": _resolved(cluster)}],
        "users": [{"name": "selected", "user": _resolved(user)}],
    }
    loaded = client.Configuration()
    load: Any = config.load_kube_config_from_dict
    try:
        load(document, client_configuration=loaded, persist_config=False)
    except Exception as error:  # the package raises whatever it meets, such as TypeError for a list that is none
        raise ConfigError(f"kubeconfig {user.path}: {user.field}: {error}") from error
    return loaded


def _tls(loaded: Any, cluster: Item, user: Item) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if not loaded.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif loaded.ssl_ca_cert:
            context.load_verify_locations(cafile=loaded.ssl_ca_cert)
        else:
            context.load_default_certs()
    except (OSError, ValueError) as error:
        raise cluster.error("certificate-authority", f"the certificates cannot be used: {error}") from error
    try:
        if loaded.cert_file and loaded.key_file:
            context.load_cert_chain(loaded.cert_file, loaded.key_file)
    except (OSError, ValueError) as error:
        raise user.error("client-certificate", f"the certificates cannot be used: {error}") from error
    return context


def _authorization(loaded: Any, user: Item) -> Authorization:
    if file := user.entry.get("tokenFile"):
        # The package reads it once; it is rotated by others.
        return TokenFile(user.path.parent / Path(str(file)).expanduser())
    header = _header(loaded)
    plugin = next((name for name in ("exec", "auth-provider") if user.entry.get(name)), None)
    # As for the package, a token of the user goes before its plugin.
    if plugin is None or user.entry.get("token"):
        return StaticAuthorization(header or "")
    if header is None and not loaded.cert_file:
        raise user.error(plugin, "expected a token or a client certificate from the plugin, found none; see the log")
    if header is None:
        return StaticAuthorization()
    return PluginAuthorization(_Renewed(loaded))


def _header(loaded: Any) -> str | None:
    header: str | None = loaded.get_api_key_with_prefix("BearerToken", alias="authorization")
    return header


class _Renewed:
    """The plugin's header; the package asks the plugin again when the token has expired."""

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded
        self._lock = threading.Lock()  # the lease's thread asks as well

    def __call__(self) -> str:
        with self._lock:
            return _header(self._loaded) or ""


def _impersonation(user: Item) -> dict[str, str]:
    """Headers for the fields of a user that the package does not know."""
    headers: dict[str, str] = {}
    if user.entry.get("as"):
        headers["Impersonate-User"] = str(user.entry["as"])
    if user.entry.get("as-uid"):
        headers["Impersonate-Uid"] = str(user.entry["as-uid"])
    groups = user.entry.get("as-groups") or []
    if not isinstance(groups, list) or len(groups) > 1:
        raise user.error("as-groups", f"expected a list of at most one group, found {groups!r}")
    if user.entry.get("as-user-extra"):
        raise user.error("as-user-extra", "extra fields are not supported")
    for group in groups:
        headers["Impersonate-Group"] = str(group)
    return headers
