# SPDX-License-Identifier: Apache-2.0
"""The demonstration on a cluster that is already there, named by a context of the user's kubeconfig.

It makes two namespaces and marks them, installs the kinds, and an operator that serves the story's namespace alone.
What it did not make it never changes; where something of its names is there already, it refuses.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from demo import prerequisites
from demo.charts import SYSTEM_NAMESPACE, Charts
from demo.delivery import Delivery, LoadCommand, Registry, chart_values, pusher
from demo.prerequisites import KINDS, LABEL, MADE_BY, NAMESPACES, gather, is_ours, problems
from demo.story import NAMESPACE, WORKLOAD_IMAGE
from localcluster import LocalClusterError, paths
from localcluster.images import ensure_archives
from localcluster.kubectl import ContextKubectl, Kubectl, Manifest
from localcluster.progress import Progress, Quiet
from localcluster.tools import ensure_programs
from localcluster.tools.clients import KUBECTL, find, prepare

IMAGES: Final = ("mlops-operator", "mlops-workload", "mlops-server")


class RefusedError(LocalClusterError):
    """The cluster, or the given options, do not allow the demonstration."""


def delivery_of(*, registry: str | None, load_images: str | None) -> Delivery:
    """The way for images that the user named.

    Raises:
        RefusedError: none or both are named.
        NoPusherError: a registry is named, and no program is there that pushes.
    """
    if bool(registry) == bool(load_images):
        raise RefusedError(
            "expected either REGISTRY or LOAD_IMAGES, found " + ("both" if registry else "neither"),
            remedy="name a registry that the nodes pull from (REGISTRY=registry.example.com/ml), or a command that "
            "loads an archive into the nodes (LOAD_IMAGES='kind load image-archive --name NAME')",
        )
    if load_images:
        return LoadCommand(load_images)
    assert registry is not None
    return Registry(registry, pusher())


class ExistingPlatform:
    """Everything below the story, in a cluster of the user's.

    Args:
        context: of the user's kubeconfig.
        delivery: how images get to the nodes; None where nothing is installed, only removed.
        progress: receives every long step.
    """

    def __init__(self, context: str, delivery: Delivery | None, *, progress: Progress | None = None) -> None:
        self.context = context
        self.delivery = delivery
        self.progress: Progress = progress or Quiet()
        self.image = WORKLOAD_IMAGE

    @cached_property
    def tools(self) -> Path:
        """Folder of kubectl and Helm: the machine's where they are recent enough, else built."""
        sources = {name: partial(self._built, name) for name in ("kubectl", "helm")}
        return prepare(paths.cache_home() / "clients", sources, self.progress)

    def _built(self, name: str) -> Path:
        return ensure_programs([name], self.progress) / name

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as the context's user."""
        return ContextKubectl(self.tools / "kubectl", self.context)

    @property
    def command(self) -> str:
        """The kubectl command for the cluster."""
        kubectl = "kubectl" if find(KUBECTL).path is not None else str(self.tools / "kubectl")
        return f"{kubectl} --context {self.context}"

    @property
    def clean_up(self) -> str:
        """The command that removes it."""
        return f"make clean-cluster ENGINE=existing CONTEXT={self.context}"

    @property
    def charts(self) -> Charts:
        """The charts in the cluster."""
        return Charts(self.tools / "helm", (f"--kube-context={self.context}",), self.command)

    def up(self) -> None:
        """Check the cluster, then install the prerequisites of the demonstration, in new namespaces.

        Raises:
            RefusedError: the cluster cannot or must not take it; nothing was changed.
        """
        with self.progress.step(f"check the cluster of context {self.context}"):
            self._check()
        archives = ensure_archives(IMAGES, self.progress)
        assert self.delivery is not None
        with self.progress.step("bring the images to the nodes") as step:
            names = self.delivery.deliver(archives, step)
        self.image = names[WORKLOAD_IMAGE]
        with self.progress.step("make the namespaces"):
            # First: the operator's rights are Roles in the story's namespace.
            self._remove(NAMESPACE)
            for name in NAMESPACES:
                self.kubectl.apply(marked_namespace(name))
        with self.progress.step("install the operator by Helm"):
            self.charts.install("mlops-operator-crds")
            self.charts.install("mlops-operator", *_options(names, archives), "--wait", "--timeout=3m")

    def make_room(self) -> None:
        """Nothing: `up` has created the namespace of the demonstration."""

    def down(self) -> None:
        """Remove what the demonstration made; the kinds stay where other namespaces have objects of them."""
        system = self.kubectl.get("namespace", SYSTEM_NAMESPACE)
        with self.progress.step("remove the story"):
            self._remove(NAMESPACE)
        if system is None or not is_ours(system):
            self.progress.note(f"namespace {SYSTEM_NAMESPACE} was not made by the demonstration, and stays")
            return
        with self.progress.step("remove the operator"):
            self.charts.run("uninstall", "mlops-operator", "--ignore-not-found", "--wait")
            if users := self._namespaces_with_objects():
                self.progress.note(f"the kinds stay: there are objects of them in {', '.join(users)}")
                return
            self.charts.run("uninstall", "mlops-operator-crds", "--ignore-not-found", "--wait")
            self.kubectl.run("delete", "customresourcedefinition", "-l", KINDS, "--ignore-not-found", timeout=180)
            self._remove(SYSTEM_NAMESPACE)

    def _check(self) -> None:
        known = self.kubectl.run("config", "get-contexts", "--output=name").split()
        if self.context not in known:
            raise RefusedError(
                f"expected CONTEXT to be one of {', '.join(known) or '(none is there)'}; found {self.context!r}",
                remedy="name one of them, as `kubectl config get-contexts` lists them",
            )
        found = problems(gather(self.kubectl), architecture=prerequisites.machine())
        if found:
            raise RefusedError(
                f"the cluster of context {self.context} cannot take the demonstration:\n    " + "\n    ".join(found),
                remedy="change that, or use another cluster; nothing was changed",
            )

    def _remove(self, name: str) -> None:
        """Delete a namespace that the demonstration made, if it is there.

        Raises:
            RefusedError: it was created by others.
        """
        namespace = self.kubectl.get("namespace", name)
        if namespace is None:
            return
        if not is_ours(namespace):
            raise RefusedError(
                f"expected namespace {name} to have the label {LABEL}={MADE_BY}, found it without",
                remedy="it was not made by the demonstration: use another cluster, or remove it yourself",
            )
        self.kubectl.run("delete", "namespace", name, "--ignore-not-found", "--wait=true", timeout=180)

    def _namespaces_with_objects(self) -> list[str]:
        """Namespaces, other than the demonstration's, with objects of the kinds."""
        if not self.kubectl.list("customresourcedefinition", KINDS):
            return []
        text = self.kubectl.run("get", "mlops", "--all-namespaces", "--ignore-not-found", "-o", "json")
        items = json.loads(text)["items"] if text.strip() else []
        return sorted({item["metadata"]["namespace"] for item in items} - set(NAMESPACES))


def _options(names: Mapping[str, str], archives: Sequence[Path]) -> list[str]:
    """Options of the operator's chart: one namespace is served, and a new build replaces the running pod."""
    build = next(archive.stem for archive in archives if archive.name.startswith("mlops-operator"))
    return [f"--set=watchNamespaces={{{NAMESPACE}}}", f"--set=podAnnotations.build={build}", *chart_values(names)]


def marked_namespace(name: str) -> Manifest:
    """A namespace with the mark by which it is known as made here."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LABEL: MADE_BY}}}
