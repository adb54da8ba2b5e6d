"""The Promotion that offers a version to an alias which points at nothing."""

from typing import Final

from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.api.model import Alias
from mlops_operator.controllers.shared.indexes import VersionFact
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import child_metadata, child_name, short_hash

MAX_NAME: Final = 253
COMPONENT: Final = "bootstrap"


def bootstrap_name(model: Manifest, alias: Alias, version: VersionFact) -> str:
    """Name of the Promotion; a version that is created again has another one, and so has a changed gate."""
    parts = [version.uid]
    if alias.gate is not None:
        gate = alias.gate.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        parts.append(compact_json(gate))
    return child_name(model, alias.name, short_hash(*parts), max_length=MAX_NAME)


def render_bootstrap(model: Manifest, alias: Alias, version: VersionFact) -> Manifest:
    """The Promotion."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Promotion",
        "metadata": child_metadata(model, bootstrap_name(model, alias, version), component=COMPONENT),
        "spec": {
            "model": model["metadata"]["name"],
            "alias": alias.name,
            "version": version.name,
            "reason": f"bootstrap: {alias.name} points at nothing yet",
        },
    }
