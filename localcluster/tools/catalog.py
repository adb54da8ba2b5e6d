# SPDX-License-Identifier: Apache-2.0
"""Which programs there are, from which Go packages, in which versions (read from the one go.mod)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

MODULE = Path(__file__).resolve().parent.parent / "go"

#: Program -> Go package. Paths that begin with a dot are this module's own commands.
PACKAGES = {
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "etcd": "go.etcd.io/etcd/server/v3",
    "coredns": "./cmd/coredns",
    "pause": "./cmd/pause",
    "volume-helper": "./cmd/volume-helper",
    "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server",
    "local-path-provisioner": "github.com/rancher/local-path-provisioner",
    "helm": "helm.sh/helm/v4/cmd/helm",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform",
}

#: What kind and its nodes need besides those; built where kind is asked for and not there.
KIND_PACKAGES = {
    "kind": "sigs.k8s.io/kind",
    "kubeadm": "k8s.io/kubernetes/cmd/kubeadm",
    "crictl": "sigs.k8s.io/cri-tools/cmd/crictl",
    "kube-router": "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
    "narrow-runc": "./cmd/narrow-runc",
}

#: Flux's requirements and those of Kubernetes' programs exclude each other in one module.
FLUX_MODULE = MODULE.with_name("flux")

#: What tests of GitOps run beside a cluster.
FLUX_PACKAGES = {"kustomize-controller": "github.com/fluxcd/kustomize-controller"}

#: A module of its own, so that an update of it does not rebuild Kubernetes.
ACTIONLINT_MODULE = MODULE.with_name("actionlint")

#: Checks the workflows of continuous integration.
ACTIONLINT_PACKAGES = {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}

#: ``go build`` names a program after the last part of its package's path, less a version.
BUILT_AS = {"etcd": "server"}


#: Built by themselves: this one imports a module under a name that differs from that of other modules only by a capital
#: letter (Sirupsen/logrus), which Go refuses within one build.
ALONE = ("local-path-provisioner",)


def build_groups(packages: Mapping[str, str]) -> list[list[str]]:
    """The packages of each ``go build``: as few groups as possible, so that both cores are busy."""
    together = [package for program, package in packages.items() if program not in ALONE]
    return [together, *([packages[program]] for program in ALONE if program in packages)]


def module_version(path: str, *, module: Path = MODULE) -> str:
    """The version of module ``path`` that go.mod pins, with its leading ``v``."""
    found = re.search(rf"^(?:require)?\s+{re.escape(path)} (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"expected go.mod to require {path}, found no such line")
    return found.group(1)


def go_version(*, module: Path = MODULE) -> tuple[int, ...]:
    """The oldest Go version that go.mod accepts."""
    found = re.search(r"^go (\d+(?:\.\d+)+)$", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError("expected a `go` line in go.mod, found none")
    return tuple(int(part) for part in found.group(1).split("."))


def kubernetes_version() -> str:
    """The Kubernetes version of the cluster, with its leading ``v``."""
    return module_version("k8s.io/kubernetes")


def linker_flags() -> str:
    """Linker flags: no symbol tables (half the size), and the versions Kubernetes' own build scripts set."""
    version = kubernetes_version()
    major, minor = version.removeprefix("v").split(".")[:2]
    variables = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/component-base/version.gitTreeState": "clean",
        "k8s.io/component-base/version.gitCommit": "unknown",
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in variables.items())])
