"""Where the operator finds its cluster, and whom it speaks as."""

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_operator.kube import config as config_module
from mlops_operator.kube.auth import TOKEN_FILE_LIFETIME, CredentialsError, PluginAuthorization, TokenFile
from mlops_operator.kube.config import ConfigError, from_kubeconfig, load_config


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


async def test_a_plugin_that_fails_is_an_error_of_credentials(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nonexistent", "interactiveMode": "Never"}
    with pytest.raises(CredentialsError):
        await header(kubeconfig(tmp_path / "config", user={"exec": plugin}))


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
def authority() -> str:
    """A certificate authority of this test."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


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
    import asyncio

    asked = 0

    def ask() -> str:
        nonlocal asked
        asked += 1
        return f"Bearer {asked}"

    source = PluginAuthorization(ask)
    assert await asyncio.gather(*(source.refresh() for _ in range(5))) == ["Bearer 1"] * 5
