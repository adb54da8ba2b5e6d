# SPDX-License-Identifier: Apache-2.0
"""The base of all images: Python from the distribution's packages, unpacked without installing them.

Debian, or a distribution made from it, is needed: the packages are those of the machine itself, so what runs in the
images is what the machine's own security updates cover.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from images.errors import ImageBuildError

#: What the images need: an interpreter with its standard library, an init to run it below, what binary wheels link to,
#: certificates of public authorities, time zones, and a shell for debugging.
_ROOTS = ("python3-minimal", "libpython3-stdlib", "tini", "libstdc++6", "ca-certificates", "tzdata", "busybox-static")

#: Dependencies of packages' installation scripts, and of modules that nothing here imports (dbm, nis, mailcap).
_LEFT_OUT = re.compile(
    r"^(dpkg|debconf.*|cdebconf|openssl|media-types|mime-support|mailcap|libdb5.*|libnsl2|libtirpc.*)$"
)

#: What the machine knows about packages.
_LISTS = Path("/var/lib/apt/lists")

#: Not needed at run time. The interpreter's own test modules and tools are among them.
_UNWANTED = (
    "usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/share/locale", "usr/share/i18n", "usr/share/bug",
    "usr/share/info", "usr/share/doc-base", "usr/share/python3", "usr/share/applications", "usr/share/binfmts",
    "usr/lib/locale", "usr/lib/*/gconv", "usr/share/zoneinfo/right", "usr/sbin", "etc/init.d", "etc/default", "var/lib",
    "usr/lib/python3*/ensurepip", "usr/lib/python3*/idlelib", "usr/lib/python3*/tkinter", "usr/lib/python3*/turtledemo",
    "usr/lib/python3*/pydoc_data", "usr/lib/python3*/lib2to3", "usr/lib/python3*/test", "usr/lib/python3*/*/test",
    "usr/lib/python3*/lib-dynload/*test*", "usr/lib/python3*/lib-dynload/xx*", "usr/lib/python3*/turtle.py",
    "usr/bin/tini-static",
)  # fmt: skip

#: Where programs look for the certificates of public authorities.
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"

#: The user of every image; above what distributions give out, and what "nonroot" images use by custom.
USER_ID = 65532


@dataclass(frozen=True, slots=True)
class Package:
    """One package that can be downloaded."""

    file: str
    #: Hash of the file, from the distribution's signed lists.
    checksum: str


def resolve() -> list[Package]:
    """The packages of the base, in the versions that the machine's package lists offer now."""
    _require_apt()
    try:
        return _candidates(_closure(_ROOTS))
    except subprocess.CalledProcessError:
        # Fresh machines and containers come without package lists.
        _update_lists()
        return _candidates(_closure(_ROOTS))


def resolve_cached(remembered: Path, lists: Path = _LISTS) -> list[Package]:
    """As :func:`resolve`, but the answer is remembered in a file until apt's package lists change.

    Asking apt takes seconds, and every build asks.
    """
    key = _lists_key(lists)
    try:
        former = json.loads(remembered.read_text())
    except FileNotFoundError:
        former = {}
    if former.get("key") != key:
        packages = resolve()
        # Resolving may have fetched new lists.
        former = {"key": _lists_key(lists), "packages": [[package.file, package.checksum] for package in packages]}
        remembered.parent.mkdir(parents=True, exist_ok=True)
        remembered.write_text(json.dumps(former))
    return [Package(file, checksum) for file, checksum in former["packages"]]


def _lists_key(lists: Path) -> str:
    """Changes when apt's lists or this recipe do."""
    entries = sorted((path.name, path.stat().st_mtime_ns) for path in lists.glob("*Packages*"))
    return hashlib.sha256(repr((entries, _ROOTS, _LEFT_OUT.pattern)).encode()).hexdigest()


def _require_apt() -> None:
    for program in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(program) is None:
            raise ImageBuildError(
                f"expected a Debian or Ubuntu machine, found no {program}",
                remedy="build with Docker from the Containerfiles in images/*/",
            )


def _update_lists() -> None:
    command = ["apt-get", "-qq", "update"]
    if os.geteuid() != 0:
        command = ["sudo", *command]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise ImageBuildError(
            f"expected apt's package lists, found none, and fetching them failed: {error}",
            remedy="run `apt-get update` as root, then try again",
        ) from error


def _closure(roots: Iterable[str]) -> list[str]:
    """The packages and everything they depend on, less what is left out."""
    found: set[str] = set()
    wanted = set(roots)
    while wanted:
        found |= wanted
        wanted = {name for name in _dependencies(wanted) if not _LEFT_OUT.match(name)} - found
    return sorted(found)


def _dependencies(packages: Iterable[str]) -> set[str]:
    options = ["--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"]
    text = _apt("apt-cache", "depends", *options, *sorted(packages))
    found = set()
    alternative = False
    for line in text.splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind.lstrip("|") not in {"Depends", "PreDepends"}:
            continue
        # A bar marks all but the last of several alternatives; the first one is the distribution's choice.
        if not alternative and not name.startswith("<"):
            found.add(name.partition(":")[0])
        alternative = kind.startswith("|")
    return found


def _candidates(names: Sequence[str]) -> list[Package]:
    packages = []
    for line in _apt("apt-get", "--print-uris", "download", *names).splitlines():
        _, file, _, checksum = line.split(" ", 3)
        packages.append(Package(file, checksum))
    return sorted(packages, key=lambda package: package.file)


def _apt(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def python_version(packages: Sequence[Package]) -> str:
    """The minor version of the interpreter among the packages, for example ``3.11``."""
    for package in packages:
        if found := re.match(r"python(3\.\d+)-minimal_", package.file):
            return found.group(1)
    raise ImageBuildError("expected a pythonX.Y-minimal package, found none", remedy="run `apt-get update`, try again")


def unpack(packages: Sequence[Package], root: Path) -> None:
    """Make the base's file system below ``root``."""
    names = [package.file.partition("_")[0] for package in packages]
    # Programs and libraries of / and /usr in one place, as the distribution has them once it is installed.
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).symlink_to(f"usr/{folder}")
    with tempfile.TemporaryDirectory() as downloads:
        subprocess.run(["apt-get", "-qq", "download", *names], check=True, capture_output=True, cwd=downloads)
        for archive in sorted(Path(downloads).glob("*.deb")):
            _extract(archive, root)
    _collect_certificates(root)
    _remove_unwanted(root)
    version = python_version(packages)
    _link(root, "usr/bin/python3", f"python{version}")
    _link(root, "usr/bin/python", "python3")
    _link_busybox(root)
    _write_accounts(root)


def _extract(archive: Path, root: Path) -> None:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as unpacked:
        subprocess.run(
            ["tar", "--extract", "--directory", str(root), "--keep-directory-symlink", "--no-same-owner"],
            stdin=unpacked.stdout,
            check=True,
        )
    if unpacked.returncode != 0:
        raise subprocess.CalledProcessError(unpacked.returncode, "dpkg-deb")


def _collect_certificates(root: Path) -> None:
    """What the package's installation script would do: one file with all authorities."""
    sources = root / "usr/share/ca-certificates"
    bundle = b"".join(path.read_bytes() for path in sorted(sources.rglob("*.crt")))
    target = root / _CERTIFICATES
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(bundle)
    shutil.rmtree(sources)
    # The default folder of Debian's OpenSSL.
    _link(root, "usr/lib/ssl/certs", "/etc/ssl/certs")
    _link(root, "usr/lib/ssl/cert.pem", f"/{_CERTIFICATES}")


def _remove_unwanted(root: Path) -> None:
    for pattern in _UNWANTED:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    (root / "usr/sbin").mkdir(exist_ok=True)


def _link_busybox(root: Path) -> None:
    """Busybox under the names of all its tools, but for those that are there already."""
    tools = subprocess.run([root / "usr/bin/busybox", "--list"], check=True, capture_output=True, text=True).stdout
    for tool in tools.split():
        if not (root / "usr/bin" / tool).exists():
            _link(root, f"usr/bin/{tool}", "busybox")


def _link(root: Path, name: str, target: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _write_accounts(root: Path) -> None:
    etc = root / "etc"
    (etc / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n"
        f"mlops:x:{USER_ID}:{USER_ID}:mlops:/tmp:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    )
    (etc / "group").write_text(f"root:x:0:\nmlops:x:{USER_ID}:\nnogroup:x:65534:\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    for folder in ("proc", "sys", "dev", "run", "root", "app", "mnt", "tmp", "var/tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
