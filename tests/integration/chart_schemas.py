# SPDX-License-Identifier: Apache-2.0
"""JSON schemas for kubeconform from what the API server itself publishes: no download, and the very version tested."""

import json
from pathlib import Path
from typing import Any, Final

from mlops_operator.kube.client import Client

LOCATION: Final = "{{ .ResourceKind }}{{ .KindSuffix }}.json"
"""Where kubeconform is to look for a kind's schema; its suffix is the group's first word and the version."""

GROUPS: Final = (
    "api/v1",
    "apis/apps/v1",
    "apis/batch/v1",
    "apis/policy/v1",
    "apis/networking.k8s.io/v1",
    "apis/rbac.authorization.k8s.io/v1",
    "apis/apiextensions.k8s.io/v1",
    "apis/admissionregistration.k8s.io/v1",
    "apis/mlops-operator.io/v1alpha1",
)


async def write_schemas(client: Client, folder: Path) -> None:
    """One file for each kind of `GROUPS`, in which unknown fields are an error."""
    for group in GROUPS:
        document = await client.request("GET", f"/openapi/v3/{group}")
        schemas: dict[str, Any] = document["components"]["schemas"]
        for schema in schemas.values():
            _strict(schema)
        for name, schema in schemas.items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                content = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
                words = [kind["kind"].lower(), kind["group"].split(".")[0], kind["version"]]
                (folder / f"{'-'.join(filter(None, words))}.json").write_text(json.dumps(content))


def _strict(schema: Any) -> None:
    """Fields that are not declared are an error wherever any are declared."""
    if isinstance(schema, list):
        for item in schema:
            _strict(item)
    if isinstance(schema, dict):
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            _strict(value)
