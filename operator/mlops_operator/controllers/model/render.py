"""The Promotion that offers a version to an alias which points at nothing."""

from typing import Final

from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.controllers.shared.indexes import VersionFact
from mlops_operator.controllers.shared.naming import child_metadata, child_name, short_hash

MAX_NAME: Final = 253
COMPONENT: Final = "bootstrap"


def bootstrap_name(model: Manifest, alias: str, version: VersionFact) -> str:
    """Name of the Promotion; a version made again has another one."""
    return child_name(model, alias, short_hash(version.uid), max_length=MAX_NAME)


def render_bootstrap(model: Manifest, alias: str, version: VersionFact) -> Manifest:
    """The Promotion."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Promotion",
        "metadata": child_metadata(model, bootstrap_name(model, alias, version), component=COMPONENT),
        "spec": {
            "model": model["metadata"]["name"],
            "alias": alias,
            "version": version.name,
            "reason": f"bootstrap: {alias} points at nothing yet",
        },
    }
