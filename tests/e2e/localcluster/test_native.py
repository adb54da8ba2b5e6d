# SPDX-License-Identifier: Apache-2.0
"""The native engine: real pods on a real node."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from images.oci import Image, write_archive, write_layer
from localcluster import Cluster
from localcluster.client import wait_for
from localcluster.images import base_reference
from tests.e2e.localcluster.kubectl import Kubectl

pytestmark = [pytest.mark.usefixtures("as_root"), pytest.mark.native("tests the native engine itself")]


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[Cluster]:
    cluster = Cluster("native-test", "native", fsync=False)
    try:
        cluster.up()
        cluster.load_image("mlops-base")
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(cluster)


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> str:
    return base_reference()


@pytest.fixture(scope="module")
def web(kubectl: Kubectl, image: str) -> str:
    """A Service of two web servers, each of which answers with its pod's name."""
    program = (
        "import http.server, socket, sys\n"
        "class Name(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        body = socket.gethostname().encode()\n"
        "        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()\n"
        "        self.wfile.write(body)\n"
        "http.server.HTTPServer(('', 8080), Name).serve_forever()\n"
    )
    container = {
        "name": "web",
        "image": image,
        "command": ["python3", "-c", program],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    labels = {"app": "web"}
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    )
    kubectl.wait(
        lambda: kubectl.get("deployment", "web")["status"].get("readyReplicas") == 2,
        seconds=60,
        else_show=("describe", "pods", "-l", "app=web"),
    )
    return "web"


def test_every_component_runs(cluster: Cluster) -> None:
    assert [row.component for row in cluster.status() if row.state not in {"running", "ready"}] in (
        [],
        ["metrics-server"],
    )


def test_a_job_runs_as_the_unprivileged_user_of_the_image(kubectl: Kubectl, image: str) -> None:
    output = kubectl.run_job("whoami", image, "import os, ssl, sqlite3, ctypes; print(os.getuid(), os.getgid())")

    assert output.split() == ["65532", "65532"]


@pytest.mark.parametrize(
    ("name", "module"),
    [("mlops-operator", "kopf"), ("mlops-workload", "sklearn.svm"), ("mlops-server", "kserve")],
)
def test_our_images_import_compiled_code_under_the_restricted_pod_security(
    cluster: Cluster, kubectl: Kubectl, name: str, module: str
) -> None:
    (reference,) = cluster.load_image(name)
    program = (
        "import importlib, sys, os, pathlib\n"
        f"importlib.import_module({module!r})\n"
        # Modules frozen into the interpreter have a file and no byte code beside it.
        "sources = [m for m in list(sys.modules.values()) if getattr(m, '__cached__', None)]\n"
        "print(len(sources), [m.__name__ for m in sources if not pathlib.Path(m.__cached__).exists()])\n"
        "try: open('/app/x', 'w')\n"
        "except OSError as error: print(os.strerror(error.errno))\n"
    )
    restricted = {
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }

    imported, written = kubectl.run_job(
        f"import-{name}", reference, program, container_security=restricted
    ).splitlines()

    assert int(imported.split()[0]) > 100
    assert imported.endswith(" []")
    assert written == "Read-only file system"


def test_a_failing_pod_shows_its_exit_code(kubectl: Kubectl, image: str) -> None:
    kubectl(
        "run", "seven", f"--image={image}", "--restart=Never", "--command", "--", "python3", "-c", "raise SystemExit(7)"
    )

    def exit_code() -> int | None:
        statuses = kubectl.get("pod", "seven")["status"].get("containerStatuses", [{}])
        code = statuses[0].get("state", {}).get("terminated", {}).get("exitCode")
        return int(code) if code is not None else None

    kubectl.wait(lambda: exit_code() is not None, seconds=30, else_show=("describe", "pod", "seven"))
    assert exit_code() == 7


def test_names_of_services_resolve_and_the_services_answer_from_every_replica(
    kubectl: Kubectl, image: str, web: str
) -> None:
    # The node learns of a replica a moment after the API server: ask until both have answered, or time is up.
    program = (
        "import time, urllib.request\n"
        "seen, deadline = set(), time.monotonic() + 20\n"
        "while len(seen) < 2 and time.monotonic() < deadline:\n"
        f"    seen.add(urllib.request.urlopen('http://{web}.default.svc.cluster.local', timeout=5).read().decode())\n"
        "print(*seen, sep='\\n')"
    )

    output = kubectl.run_job("ask", image, program)

    pods = [item["metadata"]["name"] for item in kubectl.get("pods", "-l", "app=web")["items"]]
    assert sorted(output.split()) == sorted(pods)


def test_a_pod_reaches_itself_through_its_service(kubectl: Kubectl, web: str) -> None:
    pod = kubectl.get("pods", "-l", "app=web")["items"][0]["metadata"]["name"]
    program = f"import urllib.request; print(urllib.request.urlopen('http://{web}', timeout=5).read().decode())"

    answers = {kubectl("exec", pod, "--", "python3", "-c", program).strip() for _ in range(12)}

    # Both of the two replicas are among twelve answers but in 1 of 2,048 runs; the pod itself is one of them.
    assert pod in answers


def test_names_outside_the_cluster_fail_at_once(kubectl: Kubectl, image: str) -> None:
    program = (
        "import socket, time\n"
        "started = time.monotonic()\n"
        "try: socket.getaddrinfo('outside.example', 80)\n"
        "except socket.gaierror as error: print(error.errno == socket.EAI_NONAME, time.monotonic() - started < 2)\n"
    )

    assert kubectl.run_job("outside", image, program).split() == ["True", "True"]


def test_a_volume_of_the_default_class_is_made_shared_and_removed(
    cluster: Cluster, kubectl: Kubectl, image: str
) -> None:
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "store"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
        }
    )
    volume = {
        "volumes": [{"name": "store", "persistentVolumeClaim": {"claimName": "store"}}],
        "mounts": [{"name": "store", "mountPath": "/store"}],
    }

    kubectl.run_job("writes", image, "open('/store/word', 'w').write('kept')", **volume)
    read = kubectl.run_job("reads", image, "print(open('/store/word').read())", **volume)

    assert read.strip() == "kept"
    folder = next((cluster.folder / "lib/local-path").iterdir())
    kubectl("delete", "job", "writes", "reads")
    kubectl("delete", "pvc", "store")
    kubectl.wait(lambda: not folder.exists(), seconds=60, else_show=("get", "pv,pod", "-A"))


def test_resource_metrics_arrive(cluster: Cluster, kubectl: Kubectl) -> None:
    def measured() -> bool:
        found = [row for row in cluster.status() if row.component == "metrics-server"]
        return found[0].healthy and bool(kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"))

    kubectl.wait(measured, seconds=90, else_show=("describe", "deployment", "metrics-server", "-n", "kube-system"))


def test_the_machine_reaches_pods_and_services(kubectl: Kubectl, web: str) -> None:
    import urllib.request

    address = kubectl.get("service", web)["spec"]["clusterIP"]
    with urllib.request.urlopen(f"http://{address}", timeout=5) as response:
        assert response.status == 200


def test_loading_a_rebuilt_image_replaces_the_tag(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    reference = "localhost/replaced:dev"
    archive = tmp_path / "image.tar"
    digests = []
    for content in ("first", "second"):
        (tmp_path / content).mkdir()
        (tmp_path / content / "file").write_text(content)
        image = Image(reference, [write_layer(tmp_path / f"{content}.tar", [(tmp_path / content, "")])])
        write_archive(archive, [image])
        assert cluster.load_image(archive) == [reference]
        digests.append(_digest_on_node(cluster, reference))

    assert digests[0] != digests[1]


def _digest_on_node(cluster: Cluster, reference: str) -> str:
    node = cluster.process("node")
    assert node is not None
    from localcluster.native.namespaces import Node

    listing = Node(node).run(
        "ctr",
        "--address",
        "/run/containerd/containerd.sock",
        "--namespace",
        "k8s.io",
        "images",
        "list",
        f"name=={reference}",
    )
    return listing.splitlines()[1].split()[2]


def test_up_again_changes_no_process(cluster: Cluster) -> None:
    before = {row.component: row.pid for row in cluster.status()}

    cluster.up()

    assert {row.component: row.pid for row in cluster.status()} == before


def test_a_second_cluster_lives_beside_the_first(cluster: Cluster, kubectl: Kubectl, image: str) -> None:
    with Cluster("native-other", "native", fsync=False) as other:
        other.load_image("mlops-base")
        Kubectl(other).run_job("over-there", image, "print('there')")

        kubectl.run_job("over-here", image, "print('here')")
        assert "over-there" not in kubectl("get", "jobs", "-o", "name")
    kubectl.run_job("still-here", image, "print('here')")


@pytest.mark.parametrize("victim", ["containerd", "kubelet", "apiserver"])
def test_up_brings_back_a_killed_component(cluster: Cluster, kubectl: Kubectl, image: str, victim: str) -> None:
    killed = cluster.process(victim)
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)
    assert wait_for(lambda: cluster.process(victim) != killed, seconds=10)

    cluster.up()

    kubectl.run_job(f"after-{victim}", image, "print('works')")


def test_up_brings_back_a_killed_node_with_its_data(cluster: Cluster, kubectl: Kubectl, image: str, web: str) -> None:
    node = cluster.process("node")
    assert node is not None
    os.kill(node.pid, signal.SIGKILL)
    assert wait_for(lambda: cluster.process("node") is None, seconds=10)

    cluster.up()

    kubectl.run_job("after-the-node", image, "print('works')")
    kubectl.wait(
        lambda: kubectl.get("deployment", web)["status"].get("readyReplicas") == 2,
        seconds=120,
        else_show=("describe", "pods", "-l", "app=web"),
    )
