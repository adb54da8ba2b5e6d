# SPDX-License-Identifier: Apache-2.0
"""Where the operator finds its cluster, and whom it speaks as."""

import asyncio
import base64
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_operator.kube import config as config_module
from mlops_operator.kube.auth import TOKEN_FILE_LIFETIME, CredentialsError, PluginAuthorization, TokenFile
from mlops_operator.kube.config import ConfigError, load_config
from mlops_operator.kube.kubeconfig import from_kubeconfig


def kubeconfig(path: Path, *, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    document = {
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:8001/", **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


async def header(path: Path) -> str:
    return await from_kubeconfig(path).authorization.refresh()


async def test_server_and_namespace_come_from_the_context(tmp_path: Path) -> None:
    found = from_kubeconfig(kubeconfig(tmp_path / "config"))
    assert (found.server, found.namespace, found.tls) == ("http://127.0.0.1:8001", "team", None)
    assert await found.authorization.refresh() == ""


async def test_a_token(tmp_path: Path) -> None:
    assert await header(kubeconfig(tmp_path / "config", user={"token": "abc"})) == "Bearer abc"


async def test_a_token_file_is_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    assert await header(kubeconfig(tmp_path / "config", user={"tokenFile": "token"})) == "Bearer abc"


async def test_a_user_and_a_password(tmp_path: Path) -> None:
    found = await header(kubeconfig(tmp_path / "config", user={"username": "me", "password": "pw"}))
    assert base64.b64decode(found.removeprefix("Basic ")) == b"me:pw"


async def test_an_exec_plugin_is_asked_through_the_kubernetes_package(tmp_path: Path) -> None:
    credential = (
        'import json; print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": "from-plugin"}}))'
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", credential],
        "interactiveMode": "Never",
    }
    assert await header(kubeconfig(tmp_path / "config", user={"exec": plugin})) == "Bearer from-plugin"


def test_a_plugin_that_is_not_there_names_file_and_field(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nonexistent", "interactiveMode": "Never"}
    path = kubeconfig(tmp_path / "config", user={"exec": plugin})
    with pytest.raises(ConfigError, match=rf"{path}: users\[u\].user.exec.command: .*'/nonexistent'"):
        from_kubeconfig(path)


def test_a_plugin_that_fails_names_file_and_field(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    path = kubeconfig(tmp_path / "config", user={"exec": plugin})
    with pytest.raises(ConfigError, match=rf"{path}: users\[u\].user.exec: expected a token"):
        from_kubeconfig(path)


async def test_an_expired_token_of_a_plugin_is_renewed(tmp_path: Path) -> None:
    count = tmp_path / "count"
    credential = (
        f"import json, pathlib; file = pathlib.Path({str(count)!r});"
        " number = int(file.read_text()) + 1 if file.exists() else 1; file.write_text(str(number));"
        ' print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": f"number-{number}", "expirationTimestamp": "2001-01-01T00:00:00Z"}}))'
    )
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", credential]}
    source = from_kubeconfig(kubeconfig(tmp_path / "config", user={"exec": plugin})).authorization
    first, second = await source.refresh(), await source.copy().refresh()
    assert first.startswith("Bearer number-")
    assert first != second


def test_several_files_are_merged_and_paths_belong_to_the_file_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file has the context, the second its user, whose token file is beside it."""
    first, second = tmp_path / "a" / "config", tmp_path / "b" / "config"
    for path in (first, second):
        path.parent.mkdir()
    kubeconfig(first)
    document = yaml.safe_load(first.read_text())
    del document["users"]
    first.write_text(yaml.safe_dump(document))
    (second.parent / "token").write_text("abc")
    kubeconfig(second, user={"tokenFile": "token"}, server="http://second")
    other = yaml.safe_load(second.read_text())
    second.write_text(yaml.safe_dump({**other, "current-context": "another"}))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}:{first}:{second}")
    found = load_config()
    assert found.server == "http://127.0.0.1:8001"
    assert asyncio.run(found.authorization.refresh()) == "Bearer abc"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"contexts": {}}, r"contexts: no context 'main'"),
        ({"contexts": "none"}, r"contexts: expected a list, found str"),
        ({"clusters": ["c"]}, r"clusters\[0\]: expected a mapping with a name"),
        ({"clusters": [{"name": "c", "cluster": "x"}]}, r"clusters\[c\].cluster: expected a mapping"),
        ({"clusters": []}, r"contexts\[main\].context.cluster: .* has no cluster 'c'; it has: none"),
        ({"users": []}, r"contexts\[main\].context.user: .* has no user 'u'"),
        ({"current-context": ""}, r"current-context: expected the name of a context"),
        ({"users": [{"name": "u", "user": {"exec": "aws"}}]}, r"users\[u\].user.exec: expected a mapping"),
        ({"users": [{"name": "u", "user": {"tokenFile": "gone"}}]}, r"users\[u\].user.tokenFile: .* found none at"),
        ({"users": [{"name": "u", "user": {"client-key-data": "?"}}]}, r"users\[u\].user.client-key-data: .*base64"),
        ({"users": [{"name": "u", "user": {"as-groups": ["a", "b"]}}]}, r"users\[u\].user.as-groups: .*one group"),
    ],
)
def test_an_error_names_file_and_field(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    path = kubeconfig(tmp_path / "config")
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(ConfigError, match=f"kubeconfig {path}: {problem}"):
        from_kubeconfig(path)


def test_a_bad_kubeconfig_is_usable_once_it_is_corrected(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", server="127.0.0.1")
    with pytest.raises(ConfigError, match=r"clusters\[c\].cluster.server"):
        from_kubeconfig(path)
    assert from_kubeconfig(kubeconfig(path)).server == "http://127.0.0.1:8001"


def test_a_kubeconfig_is_never_written(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", user={"token": "abc"})
    before = path.read_bytes()
    from_kubeconfig(path)
    assert path.read_bytes() == before


def _python(code: str, **environment: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **environment})


def test_the_kubernetes_package_is_not_imported_inside_a_cluster(tmp_path: Path, authority: str) -> None:
    for name, content in (("token", "abc"), ("namespace", "ops"), ("ca.crt", authority)):
        (tmp_path / name).write_text(content)
    code = f"""
import pathlib, sys
import mlops_operator.__main__, mlops_operator.controllers, mlops_operator.runtime.manager
from mlops_operator.kube import config
config.SERVICE_ACCOUNT = pathlib.Path({str(tmp_path)!r})
config.from_service_account.__defaults__ = (config.SERVICE_ACCOUNT,)
assert config.load_config().in_cluster
sys.exit("kubernetes" in sys.modules)
"""
    _python(code, KUBERNETES_SERVICE_HOST="10.0.0.1")


def test_without_the_kubernetes_package_a_kubeconfig_says_what_to_install(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config")
    code = f"""
import pathlib, sys
sys.modules["kubernetes"] = None
from mlops_operator.kube.config import ConfigError, load_config
try:
    load_config(pathlib.Path({str(path)!r}))
except ConfigError as error:
    sys.exit("mlops-client[kubeconfig]" not in str(error))
sys.exit(2)
"""
    _python(code)


def test_impersonation(tmp_path: Path) -> None:
    found = from_kubeconfig(kubeconfig(tmp_path / "config", user={"as": "bot", "as-groups": ["robots"]}))
    assert found.headers == {"Impersonate-User": "bot", "Impersonate-Group": "robots"}


def test_a_context_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no context 'other'; it has: 'main'"):
        from_kubeconfig(kubeconfig(tmp_path / "config"), context="other")


def test_a_server_without_a_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected an http"):
        from_kubeconfig(kubeconfig(tmp_path / "config", server="127.0.0.1"))


def test_a_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    broken: dict[str, Any] = {"server": "https://x", "certificate-authority-data": "bm9uZQ=="}
    path = kubeconfig(tmp_path / "config", **broken)
    with pytest.raises(ConfigError, match="certificates cannot be used"):
        from_kubeconfig(path)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("{")
    with pytest.raises(ConfigError, match="cannot read"):
        from_kubeconfig(path)


def test_nothing_to_be_found_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"none.*--kubeconfig"):
        load_config()


def test_the_environments_kubeconfig_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config")))
    assert load_config().namespace == "team"


async def test_a_service_account_is_used_in_a_pod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: str
) -> None:
    for name, content in (("token", "abc"), ("namespace", "ops"), ("ca.crt", authority)):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(config_module, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = config_module.from_service_account(tmp_path)
    assert (found.server, found.namespace, found.in_cluster) == ("https://[fd00::1]:443", "ops", True)
    assert await found.authorization.refresh() == "Bearer abc"


@pytest.fixture
def pair() -> tuple[str, str]:
    """A certificate of this test, which is its own authority, and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(pem).decode()
    return certificate, key.private_bytes(pem, kind, serialization.NoEncryption()).decode()


@pytest.fixture
def authority(pair: tuple[str, str]) -> str:
    """A certificate authority of this test."""
    return pair[0]


@pytest.mark.parametrize("inline", [True, False])
def test_certificates_are_taken_from_fields_and_from_files(
    tmp_path: Path, pair: tuple[str, str], *, inline: bool
) -> None:
    contents = {"certificate-authority": pair[0], "client-certificate": pair[0], "client-key": pair[1]}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    fields = {f"{name}-data": base64.b64encode(content.encode()).decode() for name, content in contents.items()}
    given: dict[str, Any] = fields if inline else {name: name for name in contents}
    user = {name: value for name, value in given.items() if name.startswith("client")}
    cluster = {name: value for name, value in given.items() if name not in user}
    path = kubeconfig(tmp_path / "config", user=user, **cluster, **{"server": "https://x", "tls-server-name": "other"})
    found = from_kubeconfig(path)
    assert found.tls is not None
    assert found.tls.cert_store_stats()["x509"] == 1
    assert (found.tls.verify_mode, found.server_name) == (ssl.CERT_REQUIRED, "other")


def test_a_server_may_be_left_unverified(tmp_path: Path) -> None:
    unverified: dict[str, Any] = {"server": "https://x", "insecure-skip-tls-verify": True}
    found = from_kubeconfig(kubeconfig(tmp_path / "config", **unverified))
    assert found.tls is not None
    assert found.tls.verify_mode == ssl.CERT_NONE


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_rotated_token_file_is_read_again(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "token"
    file.write_text("one")
    source = TokenFile(file, clock=clock)
    assert source.current() is None
    assert await source.refresh() == source.current() == "Bearer one"
    file.write_text("two")
    clock.now = TOKEN_FILE_LIFETIME + 1
    assert source.current() is None
    assert await source.refresh() == "Bearer two"


async def test_an_empty_token_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(CredentialsError, match="empty"):
        await TokenFile(tmp_path / "token").refresh()


async def test_callers_at_the_same_time_share_one_question() -> None:
    asked = 0

    def ask() -> str:
        nonlocal asked
        asked += 1
        return f"Bearer {asked}"

    source = PluginAuthorization(ask)
    assert await asyncio.gather(*(source.refresh() for _ in range(5))) == ["Bearer 1"] * 5
