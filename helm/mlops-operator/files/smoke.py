# SPDX-License-Identifier: Apache-2.0
"""Creates a tiny TrainingJob, waits for its end and deletes it: what `helm test` runs, inside the operator's image."""

import asyncio
import os
import sys
from contextlib import suppress

from mlops_operator.api.conditions import is_true
from mlops_operator.api.trainingjob import COMPLETE, FAILED, TrainingJobStatus
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import NotFound
from mlops_operator.kube.resources import TRAINING_JOBS

NAME = os.environ["SMOKE_NAME"]
NAMESPACE = os.environ["SMOKE_NAMESPACE"]
SPEC = {
    "image": os.environ["SMOKE_IMAGE"],
    "command": ["python3", "-c", "print('trained nothing, successfully')"],
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
    "backoffLimit": 0,
    "activeDeadlineSeconds": 60,
    "ttlSecondsAfterFinished": 300,
}
SECONDS = 120
"""Longest wait: pulling the image included."""


async def main() -> int:
    """0 where the TrainingJob completed, 1 where it failed or did not end in time."""
    async with Client(load_config()) as client:
        with suppress(NotFound):
            await client.delete(TRAINING_JOBS, namespace=NAMESPACE, name=NAME)
        manifest = {**TRAINING_JOBS.manifest(name=NAME, namespace=NAMESPACE), "spec": SPEC}
        created = await client.create(TRAINING_JOBS, manifest)
        status = TrainingJobStatus()
        for _ in range(SECONDS):
            status = TrainingJobStatus.of(await client.get(TRAINING_JOBS, namespace=NAMESPACE, name=NAME))
            if is_true(status.conditions, COMPLETE) or is_true(status.conditions, FAILED):
                break
            await asyncio.sleep(1)
        print(status.model_dump_json(by_alias=True, exclude_defaults=True, indent=2))
        complete = is_true(status.conditions, COMPLETE)
        if complete:
            await client.delete(TRAINING_JOBS, namespace=NAMESPACE, name=NAME, uid=created["metadata"]["uid"])
        return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
