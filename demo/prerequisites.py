# SPDX-License-Identifier: Apache-2.0
"""Whether a cluster that is already there can take the demonstration, found out before anything is changed."""

import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from demo.charts import SYSTEM_NAMESPACE
from demo.story import NAMESPACE
from localcluster.kubectl import Kubectl, Manifest

OLDEST: Final = (1, 30)
"""The oldest Kubernetes that the charts run on."""

LABEL: Final = "mlops-operator.io/made-by"
MADE_BY: Final = "demo"
"""The label of namespaces that the demonstration made, and may remove."""

NAMESPACES: Final = (SYSTEM_NAMESPACE, NAMESPACE)

NEEDED: Final = (
    ("", "namespaces"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
)
"""Group and resource of what is created outside of the two namespaces."""

ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
KINDS: Final = "app.kubernetes.io/part-of=mlops-operator"
DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"


@dataclass(frozen=True)
class Facts:
    """What was found in a cluster.

    Attributes:
        version: the API server's, such as `v1.37.2`.
        architectures: of the nodes that take pods, in Kubernetes' words.
        default_class: whether a StorageClass is the default one.
        denied: resources that this user may not create.
        foreign: namespaces of the demonstration's names that it did not make.
        installed_elsewhere: namespace of another installation of the kinds; empty where there is none.
    """

    version: str
    architectures: frozenset[str]
    default_class: bool
    denied: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    installed_elsewhere: str = ""


def machine() -> str:
    """The architecture of this machine, and so of the images that are built here, in Kubernetes' words."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def problems(facts: Facts, *, architecture: str) -> list[str]:
    """What speaks against the demonstration, a sentence each; nothing where it can run."""
    found = []
    number = re.match(r"v(\d+)\.(\d+)", facts.version)
    if number is None or (int(number[1]), int(number[2])) < OLDEST:
        found.append(f"expected Kubernetes v{OLDEST[0]}.{OLDEST[1]} or newer, found {facts.version}")
    if facts.architectures != {architecture}:
        text = ", ".join(sorted(facts.architectures)) or "none that takes pods"
        found.append(f"expected nodes of the architecture of the images built here, {architecture}; found {text}")
    if not facts.default_class:
        found.append(f"expected a StorageClass with the annotation {DEFAULT_CLASS}, found none")
    if facts.denied:
        found.append(f"expected the right to create {', '.join(facts.denied)}, which this user has not")
    found += [
        f"expected no namespace {name}, or one with the label {LABEL}={MADE_BY}; found one without it"
        for name in facts.foreign
    ]
    if facts.installed_elsewhere:
        found.append(
            f"expected no CustomResourceDefinitions of mlops-operator but those of the demonstration, found some "
            f"installed from namespace {facts.installed_elsewhere}"
        )
    return found


def gather(kubectl: Kubectl) -> Facts:
    """The facts of a cluster; it is only read.

    Raises:
        KubectlError: it does not answer, or refuses to.
    """
    namespaces = {name: kubectl.get("namespace", name) for name in NAMESPACES}
    return Facts(
        version=json.loads(kubectl.run("version", "--output=json"))["serverVersion"]["gitVersion"],
        architectures=frozenset(
            node["status"]["nodeInfo"]["architecture"] for node in kubectl.list("node") if _takes_pods(node)
        ),
        default_class=any(
            (entry["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
            for entry in kubectl.list("storageclass")
        ),
        denied=tuple(resource for group, resource in NEEDED if not _may_create(kubectl, group, resource)),
        foreign=tuple(name for name, found in namespaces.items() if found is not None and not is_ours(found)),
        installed_elsewhere=_installed_elsewhere(
            kubectl.list("customresourcedefinition", KINDS), system=namespaces[SYSTEM_NAMESPACE]
        ),
    )


def is_ours(namespace: Manifest) -> bool:
    """Whether the demonstration made a namespace."""
    return (namespace["metadata"].get("labels") or {}).get(LABEL) == MADE_BY


def _takes_pods(node: Manifest) -> bool:
    taints = node["spec"].get("taints") or ()
    return not node["spec"].get("unschedulable") and not any(taint["effect"] != "PreferNoSchedule" for taint in taints)


def _may_create(kubectl: Kubectl, group: str, resource: str) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "create", "group": group, "resource": resource}},
    }
    answer = json.loads(kubectl.run("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))
    return bool(answer["status"]["allowed"])


def _installed_elsewhere(definitions: Sequence[Manifest], *, system: Manifest | None) -> str:
    """The namespace from which the kinds were installed, unless it is our own; empty where there are none."""
    ours = {SYSTEM_NAMESPACE} if system is not None and is_ours(system) else set()
    found = {
        (entry["metadata"].get("annotations") or {}).get(RELEASE_NAMESPACE, "(without Helm)") for entry in definitions
    }
    return next(iter(sorted(found - ours)), "")
