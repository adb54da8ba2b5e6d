# SPDX-License-Identifier: Apache-2.0
"""Manifests as templates of the chart of the CustomResourceDefinitions."""

from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.codegen.generated import to_yaml

KEEP: Final = {"helm.sh/resource-policy": "keep"}
"""`helm uninstall` must not take every object of every kind with it."""


_OWN: Final = "  labels:\n    app.kubernetes.io/part-of: mlops-operator\n"
_COMMON: Final = '    {{- include "mlops-operator-crds.commonLabels" . }}\n'


def as_template(manifest: Manifest) -> str:
    """A manifest as a Helm template, with the chart's common labels; what Helm would take for its own is quoted."""
    text = to_yaml(manifest).replace("{{", '{{ "{{" }}')
    assert text.count(_OWN) == 1, "the labels of the manifest are where the common labels go"
    return text.replace(_OWN, _OWN + _COMMON)


def chart_template(definition: Manifest) -> str:
    """A definition as a Helm template, kept when the release goes."""
    metadata = definition["metadata"]
    kept = {**definition, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **KEEP}}}
    return as_template(kept)
