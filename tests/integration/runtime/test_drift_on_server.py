# SPDX-License-Identifier: Apache-2.0
"""An applied object does not differ from what was applied, whatever the API server made of it."""

import copy
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    SERVICES,
    Resource,
)
from mlops_operator.runtime.work.drift import differs
from tests.harness.audit import AuditLog

LABELS = {"app.kubernetes.io/name": "digits"}

POD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "automountServiceAccountToken": False,
    "terminationGracePeriodSeconds": 45,
    "nodeSelector": {},
    "runtimeClassName": "kata",
    "overhead": {"cpu": "0.250", "memory": "131072Ki"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": LABELS},
        }
    ],
    "imagePullSecrets": [],
    "initContainers": [
        {
            "name": "fetch",
            "image": "localhost/workload:dev",
            "args": ["fetch"],
            "resources": {},
            "volumeMounts": [{"name": "model", "mountPath": "/model"}],
        }
    ],
    "containers": [
        {
            "name": "main",
            "image": "localhost/server:dev",
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", "-m", "server"],
            "args": [],
            "env": [
                {"name": "EMPTY", "value": ""},
                {"name": "SET", "value": "1000m"},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1000m"}}},
            ],
            "envFrom": [],
            "resources": {
                "requests": {"cpu": "0.1", "memory": "131072Ki"},
                "limits": {"cpu": 1, "memory": "1024Mi", "ephemeral-storage": "1e9"},
            },
            "ports": [{"name": "http", "containerPort": 8080}],
            "startupProbe": {"httpGet": {"path": "/ready", "port": "http"}, "failureThreshold": 30, "periodSeconds": 2},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "initialDelaySeconds": 0},
            "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "model", "mountPath": "/model", "readOnly": True}],
        }
    ],
    "volumes": [
        {"name": "model", "emptyDir": {"sizeLimit": "2048Mi"}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        {
            "name": "scratch",
            "ephemeral": {
                "volumeClaimTemplate": {
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
                }
            },
        },
        {"name": "data", "persistentVolumeClaim": {"claimName": "data", "readOnly": False}},
    ],
}

SPECS: dict[Resource, dict[str, Any]] = {
    DEPLOYMENTS: {
        "replicas": 0,
        "paused": False,
        "minReadySeconds": 0,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": LABELS},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": LABELS, "annotations": {}}, "spec": POD},
    },
    SERVICES: {
        "type": "ClusterIP",
        "selector": LABELS,
        "publishNotReadyAddresses": False,
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
    },
    HORIZONTAL_POD_AUTOSCALERS: {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "digits"},
        "minReplicas": 1,
        "maxReplicas": 4,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            },
            {
                "type": "Pods",
                "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "0.5"}},
            },
            {
                "type": "Object",
                "object": {
                    "metric": {"name": "queue"},
                    "describedObject": {"kind": "Service", "name": "digits", "apiVersion": "v1"},
                    "target": {"type": "Value", "value": "1000m"},
                },
            },
        ],
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": 0,
                "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
            }
        },
    },
    POD_DISRUPTION_BUDGETS: {"minAvailable": 0, "selector": {"matchLabels": LABELS}},
    JOBS: {
        "suspend": True,
        "backoffLimit": 0,
        "completions": 2,
        "parallelism": 2,
        "completionMode": "Indexed",
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3], "containerName": "main"}}]
        },
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                **{name: POD[name] for name in ("containers", "volumes", "tolerations")},
                "restartPolicy": "Never",
            },
        },
    },
}

KINDS = pytest.mark.parametrize("resource", SPECS, ids=lambda resource: resource.kind)


def manifest(resource: Resource, namespace: str) -> Manifest:
    found = resource.manifest(name="digits", namespace=namespace)
    found["metadata"] |= {"labels": LABELS, "annotations": {"note": ""}}
    found["spec"] = copy.deepcopy(SPECS[resource])
    return found


@KINDS
async def test_what_was_applied_does_not_differ(client: Client, namespace: str, resource: Resource) -> None:
    wanted = manifest(resource, namespace)
    applied = await client.apply(resource, wanted)
    assert not differs(wanted, applied)


@KINDS
async def test_applying_it_again_changes_nothing(
    client: Client, namespace: str, resource: Resource, audit_log: AuditLog
) -> None:
    wanted = manifest(resource, namespace)
    first = await client.apply(resource, wanted)
    second = await client.apply(resource, wanted)
    assert second["metadata"].get("generation") == first["metadata"].get("generation")
    assert second["spec"] == first["spec"]


SPELLINGS = ["2", 2, "2000m", "2e0", "2E0", "0.002k", "2000000u", "2.0", "2000000000n", "0.001953125Ki"]
PLACES: list[tuple[Resource, list[str | int]]] = [
    (DEPLOYMENTS, ["template", "spec", "containers", 0, "resources", "requests", "cpu"]),
    (DEPLOYMENTS, ["template", "spec", "containers", 0, "resources", "limits", "ephemeral-storage"]),
    (DEPLOYMENTS, ["template", "spec", "overhead", "cpu"]),
    (DEPLOYMENTS, ["template", "spec", "volumes", 0, "emptyDir", "sizeLimit"]),
    (HORIZONTAL_POD_AUTOSCALERS, ["metrics", 1, "pods", "target", "averageValue"]),
    (HORIZONTAL_POD_AUTOSCALERS, ["metrics", 2, "object", "target", "value"]),
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=repr)
async def test_no_spelling_of_a_quantity_differs(client: Client, namespace: str, spelling: str | int) -> None:
    wanted = {resource: manifest(resource, namespace) for resource, _ in PLACES}
    wanted[DEPLOYMENTS]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = 4
    for resource, path in PLACES:
        place: Any = wanted[resource]["spec"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = spelling
    for resource, desired in wanted.items():
        applied = await client.apply(resource, desired)
        assert not differs(desired, applied)
        again = await client.apply(resource, desired)
        assert again["metadata"].get("generation") == applied["metadata"].get("generation")
        assert again["spec"] == applied["spec"]


CHANGES = [
    (DEPLOYMENTS, ["replicas"], 3),
    (DEPLOYMENTS, ["template", "spec", "containers", 0, "image"], "localhost/server:other"),
    (DEPLOYMENTS, ["template", "spec", "containers", 0, "resources", "limits", "memory"], "2Gi"),
    (DEPLOYMENTS, ["template", "spec", "containers", 0, "env", 0, "value"], "now set"),
    (SERVICES, ["ports", 0, "targetPort"], 8081),
    (HORIZONTAL_POD_AUTOSCALERS, ["metrics", 1, "pods", "target", "averageValue"], "600m"),
    (HORIZONTAL_POD_AUTOSCALERS, ["behavior", "scaleDown", "stabilizationWindowSeconds"], 60),
    (POD_DISRUPTION_BUDGETS, ["minAvailable"], "50%"),
    (JOBS, ["suspend"], False),
]


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    CHANGES,
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, list) else None,
)
async def test_a_change_by_somebody_else_differs(
    client: Client, namespace: str, resource: Resource, path: list[str | int], value: Any
) -> None:
    wanted = manifest(resource, namespace)
    await client.apply(resource, wanted)
    other = copy.deepcopy(wanted)
    place: Any = other["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert differs(wanted, await client.apply(resource, other))
