# SPDX-License-Identifier: Apache-2.0
"""Thousands of finished objects in a minute: one that really ran is copied, with its Job.

The copies are written in the order in which the API sees the originals: object, its status, its Job, the Job's status.
The copied Jobs have no manager, so the Job controller does not touch them and no pods are made; to the operator, which
reads owner, labels and status, they are equal to the original.
"""

from collections.abc import Sequence
from typing import Any, Final

from bench.calibration import NOBODY
from bench.loader import NAME, UID, Step
from bench.recorder import Mark
from bench.stage import Stage
from bench.systems import NAMESPACE
from bench.workload import follow
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS

SEED: Final = "seed"
_SERVER_SET: Final = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "namespace")


async def populate(stage: Stage, wanted: Sequence[str]) -> None:
    """Make finished objects of these names; an operator runs only for the first, which is the original."""
    if not stage.recorder.count([SEED], Mark.DONE):
        with stage.operator() as operator:
            await operator.ready()
            await follow(stage, operator, [SEED])
    steps = await _steps(stage)
    with stage.progress.step(f"copy a finished object {len(wanted)} times, with its Job"):
        await stage.load(wanted, *steps)


async def _steps(stage: Stage) -> list[Step]:
    resource = stage.system.resource
    original = await stage.client.get(resource, namespace=NAMESPACE, name=SEED)
    (job,) = [
        found
        for found in (await stage.client.list(JOBS, namespace=NAMESPACE)).items
        if found["metadata"]["ownerReferences"][0]["uid"] == original["metadata"]["uid"]
    ]
    known = {original["metadata"]["uid"]: UID, SEED: NAME}
    copy, child = _template(original, known), _template(job, known)
    _unmanage(child, str(job["metadata"]["uid"]))
    objects, jobs = resource.path(namespace=NAMESPACE), JOBS.path(namespace=NAMESPACE)
    return [
        Step("POST", objects, {key: part for key, part in copy.items() if key != "status"}),
        Step("PATCH", f"{objects}/{NAME}/status", {"status": copy["status"]}),
        Step("POST", jobs, {key: part for key, part in child.items() if key != "status"}),
        Step("PATCH", f"{jobs}/{child['metadata']['name']}/status", {"status": child["status"]}),
    ]


def _template(original: Manifest, known: dict[str, str]) -> Manifest:
    """The object without what only the server sets, with places for what differs between copies."""
    metadata = {key: part for key, part in original["metadata"].items() if key not in _SERVER_SET}
    found: Manifest = _replaced({**original, "metadata": metadata}, known)
    return found


def _replaced(part: Any, known: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _replaced(found, known) for key, found in part.items()}
    if isinstance(part, list):
        return [_replaced(found, known) for found in part]
    if isinstance(part, str):
        for old, new in known.items():
            part = part.replace(old, new)
    return part


def _unmanage(job: Manifest, uid: str) -> None:
    """Remove the owner of a Job, and let the API server choose a new selector."""
    job["spec"]["managedBy"] = NOBODY
    job["spec"].pop("selector", None)
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        labels = {key: found for key, found in (metadata.get("labels") or {}).items() if found != uid}
        metadata["labels"] = {key: found for key, found in labels.items() if not key.endswith("job-name")}
