# SPDX-License-Identifier: Apache-2.0
"""Users with exactly the rights that a role has, on a real API server."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from localcluster import Cluster
from mlops_operator.api.meta import GROUP, Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import Resource

ROLES: Final = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS: Final = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")

READ: Final = ("get", "list", "watch")
WRITE: Final = ("create", "delete", "patch", "update")
OWN_KINDS: Final = (
    "trainingjobs",
    "models",
    "modelversions",
    "evaluations",
    "promotions",
    "modeldeployments",
    "modelmonitors",
    "retrainpolicies",
)

RIGHTS: Final[Mapping[str, Sequence[str]]] = {
    "trainer": ("trainingjobs",),
    "registrar": ("modelversions",),
    "releaser": ("promotions", "evaluations"),
    "modeler": ("models",),
    "observer": ("modelmonitors",),
}
"""By user, the kinds that they create and delete; they read all kinds of the operator and nothing else."""


@asynccontextmanager
async def user(
    name: str, cluster: Cluster, admin: Client, namespace: str, *, also: Sequence[Manifest] = ()
) -> AsyncIterator[Client]:
    """A client of a user who has the role `name` in the namespace and no other right but those of the rules `also`."""
    rules: list[Manifest] = [
        {"apiGroups": [GROUP], "resources": list(OWN_KINDS), "verbs": list(READ)},
        {"apiGroups": [GROUP], "resources": list(RIGHTS[name]), "verbs": list(WRITE)},
        *also,
    ]
    await admin.create(ROLES, {**ROLES.manifest(name=name, namespace=namespace), "rules": rules})
    binding = ROLE_BINDINGS.manifest(name=name, namespace=namespace)
    binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    binding["subjects"] = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}]
    await admin.create(ROLE_BINDINGS, binding)
    config = replace(load_config(cluster.kubeconfig), headers={"Impersonate-User": name})
    async with Client(config, user_agent=name) as client:
        yield client
