# SPDX-License-Identifier: Apache-2.0
"""A kind as a CustomResourceDefinition."""

from typing import Any, Final

from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.meta import GROUP, VERSION, Manifest
from mlops_operator.codegen.crd.descriptions import reason_descriptions
from mlops_operator.codegen.crd.names import NAME_RULES
from mlops_operator.codegen.crd.rules import validation
from mlops_operator.codegen.crd.structural import OpenAPI, model_schema

CATEGORY: Final = "mlops"
"""`kubectl get mlops` lists the objects of all kinds."""

UNWRITTEN_STATUS: Final = {"observedGeneration": -1}
"""Default of `status`, so that kstatus (Helm, Flux) sees a new object as in progress
until the operator first writes: -1 is never the generation, while an absent
`observedGeneration` would pass for a finished object."""

KEPT_BY_GITOPS: Final = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""Annotations by which Argo CD and Flux leave an object in the cluster when it is removed from Git, or when the
Application or Kustomization that applied it is deleted. The deletion of a CRD deletes every object of its kind."""


def custom_resource_definition(kind: Kind) -> Manifest:
    """The CustomResourceDefinition of `kind`."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "mlops-operator"},
            "annotations": dict(KEPT_BY_GITOPS),
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    subresources: dict[str, Any] = {"status": {}}
    if kind.scale is not None:
        subresources["scale"] = {
            "specReplicasPath": kind.scale.spec_replicas,
            "statusReplicasPath": kind.scale.status_replicas,
            "labelSelectorPath": kind.scale.selector,
        }
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": subresources,
        "additionalPrinterColumns": [_column(column) for column in kind.printer_columns],
        "schema": {"openAPIV3Schema": _with_reasons(object_schema(kind), kind)},
    }


def _with_reasons(schema: OpenAPI, kind: Kind) -> OpenAPI:
    """`schema` with the meaning of each reason of a condition, for `kubectl explain`."""
    condition = schema["properties"]["status"]["properties"]["conditions"]["items"]["properties"]
    words = (condition["reason"].get("description"), *reason_descriptions(kind).values())
    condition["reason"] = {**condition["reason"], "description": "\n".join(filter(None, words))}
    return schema


def _column(column: Column) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    if column.description:
        shown["description"] = column.description
    if column.wide:
        shown["priority"] = 1
    return shown


def object_schema(kind: Kind) -> OpenAPI:
    """The schema of a whole object of `kind`."""
    schema: OpenAPI = {
        "type": "object",
        "description": kind.description,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": model_schema(kind.spec, defaults=True),
            "status": {**model_schema(kind.status, defaults=False), "default": dict(UNWRITTEN_STATUS)},
        },
        "required": ["spec"],
    }
    if rules := [validation(rule) for rule in NAME_RULES.get(kind.kind, ())]:
        schema["x-kubernetes-validations"] = rules
    return schema
