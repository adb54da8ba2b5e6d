# SPDX-License-Identifier: Apache-2.0
"""The CRDs, installed and served."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import NotFound
from mlops_operator.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, OWN, Resource
from tests.harness.waiting import eventually

FOLDER: Final = Path(__file__).resolve().parents[2] / "crds"


async def install_crds(client: Client, folder: Path = FOLDER, resources: Sequence[Resource] = OWN) -> None:
    """Apply every file of a folder, crds/ by default, and wait until each kind can be listed."""
    for manifest in _definitions(folder):
        await client.apply(CUSTOM_RESOURCE_DEFINITIONS, manifest)
    for resource in resources:
        await eventually(partial(_served, client, resource), within=30.0)


def _definitions(folder: Path) -> list[Manifest]:
    return [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]


async def _served(client: Client, resource: Resource) -> bool:
    try:
        await client.list(resource)
    except NotFound:
        return False
    return True
