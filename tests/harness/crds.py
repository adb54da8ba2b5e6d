"""The CRDs, installed and served."""

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


async def install_crds(client: Client) -> None:
    """Apply every file of crds/ and wait until each kind can be listed."""
    for path in sorted(FOLDER.glob("*.yaml")):
        manifest: Manifest = yaml.safe_load(path.read_text())
        await client.apply(CUSTOM_RESOURCE_DEFINITIONS, manifest)
    for resource in OWN:
        await eventually(partial(_served, client, resource), within=30.0)


async def _served(client: Client, resource: Resource) -> bool:
    try:
        await client.list(resource)
    except NotFound:
        return False
    return True
