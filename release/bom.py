# SPDX-License-Identifier: Apache-2.0
"""Bills of materials in CycloneDX 1.6 JSON, made from the lock files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from images.python import Requirement, read_lock
from release.distributions import version


def bill(name: str, kind: str, components: Iterable[dict[str, Any]], *, epoch: int) -> str:
    """A document about one product, of CycloneDX type ``kind`` (such as ``container``), and what it contains."""
    listed = sorted(components, key=lambda one: one["bom-ref"])
    subject = {"type": kind, "bom-ref": f"{name}@{version()}", "name": name, "version": version()}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {**subject, "licenses": [{"license": {"id": "Apache-2.0"}}]},
        },
        "components": listed,
        "dependencies": [{"ref": subject["bom-ref"], "dependsOn": [one["bom-ref"] for one in listed]}],
    }
    return json.dumps(document, indent=2) + "\n"


def python_components(locks: Sequence[Path]) -> list[dict[str, Any]]:
    """The packages of lock files, each once."""
    found = {(entry.name, entry.version): entry for lock in locks for entry in read_lock(lock)}
    return [_python(entry) for entry in found.values()]


def _python(entry: Requirement) -> dict[str, Any]:
    name = re.sub(r"[-_.]+", "-", entry.name).lower()
    purl = f"pkg:pypi/{name}@{entry.version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": entry.version, "purl": purl}


def debian_component(name: str, package_version: str, architecture: str) -> dict[str, Any]:
    """A package of the base image."""
    purl = f"pkg:deb/debian/{name}@{package_version}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": package_version, "purl": purl}
