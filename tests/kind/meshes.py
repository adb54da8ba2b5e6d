# SPDX-License-Identifier: Apache-2.0
"""A service mesh in small: a MutatingAdmissionPolicy of the cluster adds a proxy to pods, without a webhook server.

It looks at namespaces with a label, and stays out of pods with a label or an annotation, as Istio's and Linkerd's
injectors do. MutatingAdmissionPolicy is served as v1, on by default, since Kubernetes 1.36.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from localcluster.client import wait_for
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import WORKLOAD_IMAGE

PROXY: Final = "proxy"
"""Name of the container that is added."""

GROUP: Final = "mesh.mlops-operator.test"
OUT_BY_LABEL: Final[Manifest] = {"labels": {f"{GROUP}/inject": "false"}}
OUT_BY_ANNOTATION: Final[Manifest] = {"annotations": {f"{GROUP}/inject": "disabled"}}

_ENFORCED_WITHIN: Final = 30.0
"""Seconds within which the API server has read a new policy."""


class Injection(StrEnum):
    """What becomes of the proxy."""

    NATIVE = "native"
    """The first init container, with `restartPolicy: Always`."""
    PLAIN = "plain"
    """A container beside the others, which never ends."""


_CONTAINER: Final = (
    f'{{name: "{PROXY}", image: "{WORKLOAD_IMAGE}", imagePullPolicy: "IfNotPresent", command: ["sleep", "infinity"]'
)
_NATIVE: Final = f'Object.spec.initContainers{_CONTAINER}, restartPolicy: "Always"}}'
_MUTATIONS: Final = {
    Injection.NATIVE: "has(object.spec.initContainers) && size(object.spec.initContainers) > 0"
    f' ? [JSONPatch{{op: "add", path: "/spec/initContainers/0", value: {_NATIVE}}}]'
    f' : [JSONPatch{{op: "add", path: "/spec/initContainers", value: [{_NATIVE}]}}]',
    Injection.PLAIN: '[JSONPatch{op: "add", path: "/spec/containers/-", value:'
    f" Object.spec.containers{_CONTAINER}}}}}]",
}
_NOT_BY_ANNOTATION: Final = (
    f"!has(object.metadata.annotations) || !('{GROUP}/inject' in object.metadata.annotations)"
    f" || object.metadata.annotations['{GROUP}/inject'] != 'disabled'"
)


@contextmanager
def mesh(cluster: Kubectl, space: Kubectl, injection: Injection) -> Iterator[None]:
    """Pods of a namespace that are created meanwhile have a proxy."""
    assert space.namespace is not None
    name = f"mesh-{space.namespace}"
    cluster.run("label", "namespace", space.namespace, f"{GROUP}/space={space.namespace}")
    spec = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {f"{GROUP}/space": space.namespace}},
            "objectSelector": {
                "matchExpressions": [{"key": f"{GROUP}/inject", "operator": "NotIn", "values": ["false"]}]
            },
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ],
        },
        "matchConditions": [{"name": "not-by-annotation", "expression": _NOT_BY_ANNOTATION}],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _MUTATIONS[injection]}}],
    }
    objects = (
        {"kind": "MutatingAdmissionPolicy", "spec": spec},
        {"kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": name}},
    )
    for obj in objects:
        cluster.apply({"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}, **obj})
    try:
        assert wait_for(lambda: injected(_tried(space)), seconds=_ENFORCED_WITHIN)
        yield
    finally:
        for obj in objects:
            cluster.run("delete", str(obj["kind"]), name, "--ignore-not-found")


def injected(pod: Manifest) -> bool:
    """Whether a pod has the proxy."""
    spec = pod["spec"]
    return PROXY in {entry["name"] for entry in (*spec["containers"], *(spec.get("initContainers") or ()))}


def _tried(space: Kubectl) -> Manifest:
    """A pod as the API server would create it."""
    container = {"name": "main", "image": WORKLOAD_IMAGE}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": {"containers": [container]}}
    answer = space.run("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(pod))
    found: Manifest = json.loads(answer)
    return found
