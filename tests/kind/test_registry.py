# SPDX-License-Identifier: Apache-2.0
"""`ENGINE=existing` with `REGISTRY`: a real Docker pushes the project's images to a real registry, which then has them.

Docker is one of the test's own, without a network; it speaks plain HTTP to a registry on loopback. The registry is that
of go-containerregistry, built from its Go module for this test alone.
"""

import hashlib
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from demo.delivery import Registry, chart_values
from demo.existing import IMAGES
from localcluster import paths
from localcluster.client import wait_for
from localcluster.engine import docker_answers
from localcluster.images import ensure_archives, image_digests
from localcluster.kindhost.docker import PROGRAMS
from localcluster.native import packages
from localcluster.progress import Quiet
from localcluster.tools import golang

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1800)]

REGISTRY_MODULE: Final = "github.com/google/go-containerregistry"
REGISTRY_VERSION: Final = "v0.20.6"
MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of an empty registry."""
    folder = paths.cache_home() / f"registry-{REGISTRY_VERSION}"
    command = [golang.find(Quiet()).command, "install", f"{REGISTRY_MODULE}/cmd/registry@{REGISTRY_VERSION}"]
    subprocess.run(command, env={**os.environ, "GOBIN": str(folder)}, check=True, capture_output=True)
    log = tmp_path_factory.mktemp("registry") / "log"
    with log.open("wb") as output:
        served = subprocess.Popen([folder / "registry", "-port=0"], stdout=output, stderr=output)
    try:
        assert wait_for(lambda: "serving on port" in log.read_text(), seconds=30), log.read_text()
        found = re.search(r"serving on port (\d+)", log.read_text())
        assert found is not None
        yield f"localhost:{found[1]}"
    finally:
        served.kill()
        served.wait()


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Docker that `docker` on PATH speaks to."""
    if os.geteuid() != 0:
        pytest.skip("a Docker needs root, and the tests do not run as root")
    packages.ensure(Quiet(), PROGRAMS)
    folder = tmp_path_factory.mktemp("docker")
    host = f"unix://{folder}/docker.sock"
    command = [
        packages.program("dockerd", PROGRAMS),
        f"--host={host}",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/run",
        f"--pidfile={folder}/pid",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
    ]
    log = folder / "log"
    with log.open("wb") as output:
        daemon = subprocess.Popen(command, stdout=output, stderr=output)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", host)
        try:
            answers = wait_for(lambda: docker_answers({"DOCKER_HOST": host}), seconds=120)
            assert answers, log.read_text()[-2000:]
            yield
        finally:
            daemon.terminate()
            daemon.wait(timeout=60)


def pulled(reference: str, what: str, digest_or_tag: str) -> tuple[bytes, str]:
    """What the registry has under a name, by plain HTTP, and the digest that it tells."""
    host, _, name = reference.partition("/")
    url = f"http://{host}/v2/{name.partition(':')[0]}/{what}/{digest_or_tag}"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": MANIFESTS}), timeout=60) as answer:
        return answer.read(), answer.headers.get("Docker-Content-Digest", "")


def image_of(archive: Path) -> dict[str, Any]:
    """The image's configuration as it is in the archive."""
    done = subprocess.run(["tar", "-xOf", archive, "manifest.json"], capture_output=True, check=True)
    (entry,) = json.loads(done.stdout)
    return dict(
        json.loads(subprocess.run(["tar", "-xOf", archive, entry["Config"]], capture_output=True, check=True).stdout)
    )


@pytest.mark.usefixtures("docker")
def test_the_images_in_the_rendered_values_are_in_the_registry(registry: str) -> None:
    archives = ensure_archives(IMAGES, Quiet())
    names = Registry(f"{registry}/ml", "docker").deliver(archives, Quiet())
    values = "\n".join(chart_values(names))
    for archive in archives:
        ((reference, digest),) = image_digests(archive).items()
        name, _, tag = names[reference].rpartition(":")
        assert tag == digest.removeprefix("sha256:")[: len(tag)]
        assert f"={names[reference]}" in values or f"image.tag={tag}" in values
        manifest, told = pulled(name, "manifests", tag)
        assert told == f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        config = json.loads(manifest)["config"]["digest"]
        content, _ = pulled(name, "blobs", config)
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == config
        # The same files in the same order: layers are known by the digests of what is in them.
        assert json.loads(content)["rootfs"] == image_of(archive)["rootfs"]
