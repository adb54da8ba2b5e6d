# SPDX-License-Identifier: Apache-2.0
"""Write kubeconfig files: one cluster, one user, certificates inside."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml

from localcluster.certificates import KeyPair, write_private


def render(*, name: str, server: str, authority: bytes, user: KeyPair) -> str:
    """A kubeconfig whose only context is ``name``."""

    def encoded(content: bytes) -> str:
        return base64.b64encode(content).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": encoded(authority)}}],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": encoded(user.certificate),
                    "client-key-data": encoded(user.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    return yaml.safe_dump(document, sort_keys=False)


def redirect(path: Path, server: str) -> None:
    """Let the only cluster of a kubeconfig be reached at another address."""
    document = yaml.safe_load(path.read_text())
    document["clusters"][0]["cluster"]["server"] = server
    write_private(path, yaml.safe_dump(document, sort_keys=False).encode())


def hand_over(path: Path) -> None:
    """Make the user who called sudo the owner of a file; without sudo its owner stays root."""
    os.chown(path, int(os.environ.get("SUDO_UID", "-1")), int(os.environ.get("SUDO_GID", "-1")))


def write(path: Path, *, name: str, server: str, authority: bytes, user: KeyPair) -> None:
    """Write :func:`render`'s text to ``path``, readable by its owner alone: it holds a private key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, render(name=name, server=server, authority=authority, user=user).encode())
