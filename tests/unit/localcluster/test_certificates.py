# SPDX-License-Identifier: Apache-2.0
"""Certificates that TLS accepts and Kubernetes reads users from."""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from localcluster import pki
from localcluster.certificates import KeyPair, create_authority, issue

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def load(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    prepare(tmp_path)
    return tmp_path


def prepare(folder: Path, now: dt.datetime = NOW) -> None:
    pki.prepare(
        folder,
        cluster="one",
        server="https://10.89.0.2:6443",
        names=["one-node"],
        addresses=["10.89.0.2"],
        node=("one-node", "10.89.0.2"),
        now=now,
    )


def test_a_certificate_is_signed_by_its_authority_and_names_user_and_groups() -> None:
    authority = create_authority("ca", now=NOW)

    certificate = load(issue(authority, "system:node:a", now=NOW, organizations=["system:nodes"]))

    certificate.verify_directly_issued_by(load(authority))
    assert [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["system:node:a"]
    assert [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:nodes"]


def test_the_api_server_may_be_called_by_all_its_names(filled: Path) -> None:
    certificate = load(KeyPair.read(filled, "apiserver"))

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "kubernetes.default.svc", "one-node"} <= set(names.get_values_for_type(x509.DNSName))
    assert {"127.0.0.1", "10.89.0.2"} <= {str(address) for address in names.get_values_for_type(x509.IPAddress)}


def test_authorities_and_the_token_key_last_and_all_else_is_made_anew(filled: Path) -> None:
    before = {path.name: path.read_bytes() for path in filled.iterdir()}

    prepare(filled)

    same = {path.name for path in filled.iterdir() if before[path.name] == path.read_bytes()}
    pairs = ("ca", "front-proxy-ca", "service-account")
    assert same == {f"{name}.{ending}" for name in pairs for ending in ("crt", "key")}


def test_a_cluster_started_again_after_two_years_has_valid_certificates(filled: Path) -> None:
    later = NOW + dt.timedelta(days=730)

    prepare(filled, later)

    for path in filled.glob("*.crt"):
        if path.name != "service-account.crt":
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            assert certificate.not_valid_before_utc < later < certificate.not_valid_after_utc, path.name


def test_keys_are_for_their_owner_alone(filled: Path) -> None:
    secrets = [path for path in filled.iterdir() if path.suffix in {".key", ".kubeconfig"}]

    assert len(secrets) > 8
    assert {oct(path.stat().st_mode & 0o777) for path in secrets} == {"0o600"}


def test_a_kubeconfig_has_one_context_with_everything_in_it(filled: Path) -> None:
    document = yaml.safe_load((filled / "admin.kubeconfig").read_text())

    assert document["current-context"] == "one"
    assert document["clusters"][0]["cluster"]["server"] == "https://10.89.0.2:6443"
    authority = base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"])
    assert authority == (filled / "ca.crt").read_bytes()
    user = x509.load_pem_x509_certificate(base64.b64decode(document["users"][0]["user"]["client-certificate-data"]))
    assert "O=system:masters" in user.subject.rfc4514_string()
