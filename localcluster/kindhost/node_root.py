# SPDX-License-Identifier: Apache-2.0
"""The root folder of kind's nodes: Debian with systemd and containerd, kind's own files, Kubernetes' programs.

What kind's own recipe of its base image does, less what a machine without an image registry cannot: containerd, runc
and the network plug-ins are the distribution's.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster import addons, paths
from localcluster.addons import Addon
from localcluster.errors import PackagesMissing
from localcluster.run import run
from localcluster.tools import kubernetes_version

#: What kind's recipe installs, less clients of network storage; ipset is for the network plug-in.
PACKAGES = (
    "systemd", "systemd-sysv", "conntrack", "iptables", "nftables", "ipset", "iproute2", "ethtool", "util-linux",
    "mount", "kmod", "libseccomp2", "pigz", "bash", "ca-certificates", "curl", "jq", "procps", "e2fsprogs",
    "containerd", "runc", "containernetworking-plugins", "busybox-static",
)  # fmt: skip

_UNWANTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_PLUGINS = ("bridge", "host-local", "loopback", "portmap", "ptp")
_CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")

#: Units that a container has no use for, as kind's recipe removes them.
_UNWANTED_UNITS = (
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "lib/systemd/system/multi-user.target.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/basic.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "etc/systemd/system/*.wants/*",
    "etc/systemd/system/containerd-fuse-overlayfs.service",
)

#: Kubernetes refuses nodes with cgroup version 1 unless it is configured to allow them.
_KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
"""
_KUBELET_ARGUMENTS = "--runtime-cgroups=/system.slice/containerd.service --config-dir=/etc/kubelet.conf.d"

#: Where apt's sources are, in the old form and the new one.
_SOURCES = ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources")


@dataclass(frozen=True, slots=True)
class Programs:
    """Where what we built and what we downloaded is."""

    cluster: Path
    kind: Path
    #: The sources of the kind module, which hold the files of its base image.
    kind_sources: Path


def install_packages(root: Path) -> None:
    """Make the distribution's part, in the version and from the sources of this machine."""
    command = [
        "mmdebstrap", "--mode=root", "--variant=essential", "--quiet", f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNWANTED),
        _release(), str(root), *map(str, _apt_sources()),
    ]  # fmt: skip
    run(*command, remedy="check that apt-get works on this machine, then try again")


def _release() -> str:
    """The code name of the distribution's version."""
    name = platform.freedesktop_os_release().get("VERSION_CODENAME")
    if name is None:
        raise PackagesMissing(
            "expected VERSION_CODENAME in /etc/os-release, found none", remedy="use Debian, or install Docker and kind"
        )
    return name


def _apt_sources(folder: Path = Path("/etc/apt")) -> Sequence[Path]:
    return [path for pattern in _SOURCES for path in sorted(folder.glob(pattern))]


def complete(root: Path, programs: Programs, *, pause_image: str) -> None:
    """Add all else to the distribution's part."""
    _copy_kind_files(root, programs.kind_sources / "images/base/files")
    _settle_systemd(root)
    _install_programs(root, programs)
    _configure_containerd(root, pause_image)
    _configure_kubelet(root)
    _write_manifests(root)


def _copy_kind_files(root: Path, files: Path) -> None:
    for source in sorted(path for path in files.rglob("*") if path.is_file()):
        target = root / source.relative_to(files)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        # Modules come without modes; in kind's image what is in a bin folder is a program.
        target.chmod(0o755 if target.parent.name == "bin" else 0o644)


def _settle_systemd(root: Path) -> None:
    for pattern in _UNWANTED_UNITS:
        for path in root.glob(pattern):
            path.unlink()
    # The kernel's messages are the whole machine's.
    with (root / "etc/systemd/journald.conf").open("a") as file:
        file.write("ReadKMsg=no\n")
    _link(root / "sbin/init", "/usr/lib/systemd/systemd")
    run("chroot", str(root), "systemctl", "--quiet", "enable", "kubelet", "containerd", "undo-mount-hacks")
    run("chroot", str(root), "systemctl", "--quiet", "mask", "systemd-binfmt.service")


def _install_programs(root: Path, programs: Programs) -> None:
    for name in ("kubelet", "kubectl"):
        shutil.copy(programs.cluster / name, root / "usr/bin" / name)
    shutil.copy(programs.kind / "kubeadm", root / "usr/bin/kubeadm")
    shutil.copy(programs.kind / "crictl", root / "usr/local/bin/crictl")
    # kind's units name the places where its own builds are.
    for name in _CONTAINERD:
        _link(root / "usr/local/bin" / name, f"/usr/bin/{name}")
    _link(root / "usr/local/sbin/runc", "/usr/sbin/runc")
    plugins = root / "opt/cni/bin"
    plugins.mkdir(parents=True, exist_ok=True)
    for name in _PLUGINS:
        shutil.copy(root / "usr/lib/cni" / name, plugins / name)


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _configure_containerd(root: Path, pause_image: str) -> None:
    specification = json.loads(run("chroot", str(root), "ctr", "oci", "spec"))
    hooks = specification.setdefault("hooks", {}).setdefault("createContainer", [])
    hooks.append({"path": "/kind/bin/mount-product-files.sh"})
    specification["process"].pop("rlimits", None)
    (root / "etc/containerd/cri-base.json").write_text(json.dumps(specification))
    config = root / "etc/containerd/config.toml"
    lines = [_containerd_line(line, pause_image) for line in config.read_text().splitlines()]
    config.write_text("\n".join(lines) + "\n")
    unit = root / "etc/systemd/system/containerd.service"
    # Refused where root lacks CAP_SYS_RESOURCE, and not missed elsewhere.
    kept = [line for line in unit.read_text().splitlines() if not line.startswith(("Limit", "OOMScoreAdjust="))]
    unit.write_text("\n".join(kept) + "\n")


def _containerd_line(line: str, pause_image: str) -> str:
    key = line.partition("=")[0].strip()
    if key == "sandbox_image":
        return f'  sandbox_image = "{pause_image}"'
    if key == "restrict_oom_score_adj":
        return "  restrict_oom_score_adj = true"
    return line


def _configure_kubelet(root: Path) -> None:
    for folder in ("etc/kubernetes/manifests", "etc/kubelet.conf.d"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/kubelet.conf.d/10-cgroup-v1.conf").write_text(_KUBELET)
    (root / "etc/default/kubelet").write_text(f"KUBELET_EXTRA_ARGS={_KUBELET_ARGUMENTS}\n")
    (root / "kind/version").write_text(kubernetes_version())


def _write_manifests(root: Path) -> None:
    """What kind applies to every new cluster: the network and the default StorageClass."""
    folder = root / "kind/manifests"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(paths.repository() / "localcluster/kindhost/network.yaml", folder / "default-cni.yaml")
    storage = addons.render(Addon.STORAGE, kubelet_trust=addons.KUBELET_SELF_SIGNED)
    (folder / "default-storage.yaml").write_text(storage)
