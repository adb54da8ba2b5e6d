# SPDX-License-Identifier: Apache-2.0
"""GitOps tools: Flux's own, and one in small that does what it does with a revision, against a real API server.

In the small one all objects of a revision are tried with `dryRun=All` first, so that an invalid one keeps all of them
from being applied. Then they are applied server-side, objects of an earlier revision that are missing are deleted,
unless an annotation keeps them, and their health is read by kstatus.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from mlops_operator.api.meta import Manifest
from mlops_operator.codegen.docs.health import Kstatus
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import NotFound, StatusError
from mlops_operator.kube.resources import OWN, Resource
from tests.harness.flux import Flux
from tests.harness.kstatus import kstatus, undocumented

FLUX_FORCE = "kustomize.toolkit.fluxcd.io/force"
FLUX_PRUNE = "kustomize.toolkit.fluxcd.io/prune"

Revision = Mapping[str, Manifest]
"""Objects by the file that they are in."""

MARKER: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "marker"}}

_RESOURCES = {resource.kind: resource for resource in OWN}


@dataclass
class GitTool:
    """Applies revisions to one namespace.

    Attributes:
        applied: the objects of the last revision that was applied.
        judgments: status and reason of the tool's own `Ready` after each revision.
    """

    client: Client
    namespace: str
    applied: dict[tuple[str, str], Manifest] = field(default_factory=dict, init=False)
    judgments: list[tuple[str, str]] = field(default_factory=list, init=False)

    async def reconcile(self, revision: Revision) -> str:
        """Apply a revision; why it was not, or an empty text."""
        for file, manifest in revision.items():
            if problem := await self._try(manifest):
                return f"{file}: {problem}"
        objects = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in revision.values()}
        for manifest in objects.values():
            await self._apply(manifest)
        for (kind, name), manifest in self.applied.items():
            annotations = manifest["metadata"].get("annotations") or {}
            if (kind, name) not in objects and annotations.get(FLUX_PRUNE) != "disabled":
                with suppress(NotFound):
                    await self.client.delete(_RESOURCES[kind], namespace=self.namespace, name=name)
        self.applied = objects
        return ""

    async def health(self) -> dict[str, Kstatus]:
        """What kstatus says of each object of the last revision, by kind and name."""
        found = {}
        for kind, name in self.applied:
            obj = await self.read(kind, name)
            assert (problem := undocumented(kind, obj.get("status") or {})) == "", problem
            found[f"{kind}/{name}"] = kstatus(obj)
        return found

    async def read(self, kind: str, name: str) -> Manifest:
        """An object as it is in the cluster."""
        return await self.client.get(_RESOURCES[kind], namespace=self.namespace, name=name)

    async def _try(self, manifest: Manifest) -> str:
        try:
            await self._patch(manifest, dry_run=True)
        except StatusError as error:
            return "" if _forced(manifest) and error.code == 422 else str(error)
        return ""

    async def _apply(self, manifest: Manifest) -> None:
        try:
            await self._patch(manifest)
        except StatusError:
            if not _forced(manifest):
                raise
            # What cannot be changed is made again.
            resource, name = _RESOURCES[manifest["kind"]], manifest["metadata"]["name"]
            await self.client.delete(resource, namespace=self.namespace, name=name)
            await self._patch(manifest)

    async def _patch(self, manifest: Manifest, *, dry_run: bool = False) -> None:
        resource: Resource = _RESOURCES[manifest["kind"]]
        body = {**manifest, "apiVersion": resource.api_version}
        body["metadata"] = {**manifest["metadata"], "namespace": self.namespace}
        query = {"fieldManager": "kustomize-controller", "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        path = resource.path(namespace=self.namespace, name=manifest["metadata"]["name"])
        await self.client.request("PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml")


@dataclass
class FluxTool(GitTool):
    """The same by Flux's kustomize-controller, which waits until all objects are healthy."""

    flux: Flux

    async def reconcile(self, revision: Revision) -> str:
        """See `GitTool`; a revision whose objects do not become healthy is a problem as well."""
        files = {file: json.dumps(_complete(manifest)) for file, manifest in revision.items()}
        # Flux takes no revision without an object.
        ready = await asyncio.to_thread(self.flux.commit, {**files, "marker.yaml": json.dumps(MARKER)})
        self.judgments.append((ready["status"], ready["reason"]))
        if ready["status"] == "False":
            return str(ready["message"])
        self.applied = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in revision.values()}
        return ""


def _complete(manifest: Manifest) -> Manifest:
    return {"apiVersion": _RESOURCES[manifest["kind"]].api_version, **manifest}


def _forced(manifest: Manifest) -> bool:
    return (manifest["metadata"].get("annotations") or {}).get(FLUX_FORCE) == "enabled"
