# SPDX-License-Identifier: Apache-2.0
"""What the API server takes: the scale on which everything else is read."""

from pathlib import Path
from typing import Final

from bench.figures import Figures
from bench.loader import NAME, Load, Step, load
from bench.processes import cpu_seconds
from bench.stage import Stage
from bench.workload import names
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS, Resource
from tests.harness.crds import install_crds
from tests.harness.namespaces import make_namespace

NOBODY: Final = "example.com/nobody"
WARM: Final = 32
PLACE: Final = "calibration"
DEFINITIONS: Final = Path(__file__).resolve().parent / "small"
SMALL_JOBS: Final = Resource("small.example.com", "v1", "smalljobs", "SmallJob")
MOMENT: Final = "2026-01-01T00:00:00Z"
JOB_SPEC: Final[Manifest] = {
    # Without a controller: the cost of a write is measured, not the work of the Job controller.
    "managedBy": NOBODY,
    "suspend": True,
    "backoffLimit": 0,
    "template": {
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "main",
                    "image": "example.test/train:1",
                    "command": ["python", "train.py", "--epochs=3", "--lr=0.1"],
                    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
                }
            ],
        }
    },
}
SMALL_SPEC: Final[Manifest] = {"image": "example.test/train:1", "command": ["python", "train.py", "--epochs=3"]}


async def plain_rate(stage: Stage, count: int) -> float:
    """Creations of plain Jobs that the API server answers in a second, from one client with 32 requests in flight."""
    with stage.progress.step(f"calibrate: {count} plain Jobs"):
        return await rate_of(stage.client, stage.cluster.kubeconfig, count)


async def rate_of(client: Client, kubeconfig: Path, count: int) -> float:
    """The same of any cluster."""
    await make_namespace(client, PLACE)
    path = JOBS.path(namespace=PLACE)
    steps = (Step("POST", path, _manifest(JOBS, JOB_SPEC)),)
    loaded = await load(Load(kubeconfig=str(kubeconfig), names=names("plain", count), steps=steps, rate=0.0))
    return loaded.per_second


async def rates(stage: Stage, count: int) -> dict[str, Figures]:
    """Creations and status writes of plain Jobs, of a kind with a small schema, and of TrainingJobs.

    Comes after `plain_rate`, which makes the namespace.
    """
    await install_crds(stage.client, DEFINITIONS, [SMALL_JOBS])
    kinds: dict[str, tuple[Resource, Manifest, Manifest]] = {
        "plain Job": (JOBS, JOB_SPEC, {"active": 1, "startTime": MOMENT}),
        "small kind": (SMALL_JOBS, SMALL_SPEC, {"phase": "Running"}),
        "TrainingJob": (TRAINING_JOBS, SMALL_SPEC, {"phase": "Running"}),
    }
    found = {}
    for label, (resource, spec, status) in kinds.items():
        with stage.progress.step(f"{count} writes of a {label}, twice"):
            found[label] = await _rate(stage, resource, spec, status, count)
    return found


async def _rate(stage: Stage, resource: Resource, spec: Manifest, status: Manifest, count: int) -> Figures:
    wanted = names("more", count)
    path = resource.path(namespace=PLACE)
    create = Step("POST", path, _manifest(resource, spec))
    patch = Step("PATCH", f"{path}/{NAME}/status", {"status": status})
    # The first requests for a kind wait for the server's watch cache, which is not part of the cost of a write.
    await stage.load(names("first", WARM), create)
    before = _plane(stage)
    created = await stage.load(wanted, create)
    patched = await stage.load(wanted, patch)
    after = _plane(stage)
    return {
        "creations_per_second": created.per_second,
        "creation_p50_ms": created.p50_ms,
        "creation_p99_ms": created.p99_ms,
        "status_writes_per_second": patched.per_second,
        "status_write_p50_ms": patched.p50_ms,
        "status_write_p99_ms": patched.p99_ms,
        **{f"{name}_cpu_ms_per_write": (after[name] - before[name]) * 500 / count for name in after},
        "client_cpu_ms_per_write": (created.cpu_seconds + patched.cpu_seconds) * 500 / count,
    }


def _plane(stage: Stage) -> dict[str, float]:
    processes = {name: stage.cluster.process(name) for name in ("apiserver", "etcd")}
    return {name: cpu_seconds(process.pid) for name, process in processes.items() if process is not None}


def _manifest(resource: Resource, spec: Manifest) -> Manifest:
    return {**resource.manifest(name=NAME, namespace=PLACE), "spec": spec}
