"""The CustomResourceDefinitions as templates of their chart."""

from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.crdgen.generated import to_yaml

KEEP: Final = {"helm.sh/resource-policy": "keep"}
"""`helm uninstall` must not take every object of every kind with it."""


def chart_template(definition: Manifest) -> str:
    """A definition as a Helm template, kept when the release goes; what Helm would take for its own is quoted."""
    metadata = definition["metadata"]
    kept = {**definition, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **KEEP}}}
    return to_yaml(kept).replace("{{", '{{ "{{" }}')
