# SPDX-License-Identifier: Apache-2.0
"""The baseline: create and delete handlers, a handler of the children's events, kopf's default settings.

`python -m bench.naive KUBECONFIG PORT` runs it. kopf keeps its progress in annotations and holds every object with a
finalizer, as in its tutorial. The handlers are asynchronous, which is kinder to it than the tutorial's threads.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

import kopf

from bench.naive.kind import OBJECTS, child, phase_of
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import JOBS

LABEL: Final = "naive-trainingjob"
AGENT: Final = "naive-handlers"


@kopf.on.startup()
async def startup(memo: Any, **_: Any) -> None:
    """Open the handlers' connections."""
    memo.client = Client(load_config(Path(os.environ["KUBECONFIG"])), user_agent=AGENT)


@kopf.on.cleanup()
async def cleanup(memo: Any, **_: Any) -> None:
    """Close them."""
    await memo.client.close()


@kopf.on.login()
def login(**kwargs: Any) -> Any:
    """Log in with the kubeconfig of the command line."""
    return kopf.login_with_kubeconfig(**kwargs)


@kopf.on.create(OBJECTS.group, OBJECTS.version, OBJECTS.plural)
async def create(name: str, namespace: str | None, spec: Any, memo: Any, **_: Any) -> dict[str, str]:
    """Make the Job; what is returned goes into the status."""
    job = child(name, str(namespace), spec, label=LABEL)
    kopf.adopt(job)
    await memo.client.create(JOBS, job)
    return {"job": name}


@kopf.on.delete(OBJECTS.group, OBJECTS.version, OBJECTS.plural)
async def delete(**_: Any) -> None:
    """Nothing is left to do: the Job goes with its owner."""


@kopf.on.event(JOBS.group, JOBS.version, JOBS.plural, labels={LABEL: kopf.PRESENT})
async def job_changed(type: str | None, namespace: str | None, status: Any, labels: Any, memo: Any, **_: Any) -> None:
    """Write the progress of the Job into the status of the owner."""
    phase = phase_of(status)
    if type != "DELETED" and phase:
        body = {"status": {"phase": phase}}
        await memo.client.merge_patch(OBJECTS, namespace=namespace, name=labels[LABEL], subresource="status", body=body)


def main(kubeconfig: str, port: str) -> None:
    """Run until a signal comes."""
    os.environ["KUBECONFIG"] = kubeconfig
    asyncio.run(kopf.operator(clusterwide=True, standalone=True, liveness_endpoint=f"http://127.0.0.1:{port}/healthz"))


if __name__ == "__main__":
    main(*sys.argv[1:])
