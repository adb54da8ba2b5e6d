# SPDX-License-Identifier: Apache-2.0
"""A service mesh that adds a proxy to every pod: native sidecars, and plain containers that never end."""

from datetime import datetime

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    condition,
    fetch,
    manifest,
    new_namespace,
    patch,
    wait_reason,
    wait_true,
    write_files,
)
from tests.e2e.whole_loop import FILES, is_measured, measured, monitor, serving, whole_loop
from tests.kind.meshes import OUT_BY_ANNOTATION, OUT_BY_LABEL, PROXY, Injection, injected, mesh
from tests.kind.nodes import PATIENT

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

NAMED_WITHIN = 60.0
"""Seconds from the end of a task's main container."""


def pods_by_component(space: Kubectl) -> dict[str, list[Manifest]]:
    """The operator's pods that are there."""
    found: dict[str, list[Manifest]] = {}
    for pod in space.list("pod", "app.kubernetes.io/component"):
        found.setdefault(pod["metadata"]["labels"]["app.kubernetes.io/component"], []).append(pod)
    return found


def test_with_a_native_sidecar_the_whole_loop_runs(platform: Platform) -> None:
    with new_namespace(platform.kubectl, "native") as space:
        write_files(space, FILES)
        with mesh(platform.kubectl, space, Injection.NATIVE):
            whole_loop(space, store=STORE, task_pods={}, template={}, timeout=2 * PATIENT)
            pods = pods_by_component(space)
            assert {"training", "verify", "evaluate", "golden", "server"} <= pods.keys()
            assert all(injected(pod) for group in pods.values() for pod in group)


def test_injectors_are_told_to_stay_out_and_a_plain_container_is_named(platform: Platform) -> None:
    with new_namespace(platform.kubectl, "plain") as space:
        write_files(space, FILES)
        with mesh(platform.kubectl, space, Injection.PLAIN):
            sign = whole_loop(
                space,
                store=STORE,
                task_pods=OUT_BY_LABEL,
                template={"metadata": OUT_BY_ANNOTATION},
                timeout=2 * PATIENT,
            )
            pods = pods_by_component(space)
            assert {"training", "verify", "evaluate", "golden", "server"} <= pods.keys()
            assert not any(injected(pod) for group in pods.values() for pod in group)

            artifact = fetch(space, "modelversion", sign)["spec"]["artifact"]
            space.apply(manifest("ModelVersion", "again", model="sign", artifact=artifact))
            space.apply(manifest("Evaluation", "again", candidate=sign, **measured(STORE)))
            space.apply(serving("again", {"name": "sign", "version": sign}))
            space.apply(monitor("again", STORE))
            space.apply(manifest("TrainingJob", "again", **training()))
            kinds = ("modelversion", "evaluation", "modeldeployment", "modelmonitor", "trainingjob")
            for kind in kinds:
                named(space, kind, "again")

            for kind in ("modelversion", "modeldeployment", "modelmonitor"):
                patch(space, kind, "again", {"taskPods": OUT_BY_ANNOTATION})
            wait_true(space, "modelversion", "again", timeout=PATIENT)
            assert wait_true(space, "modeldeployment", "again", timeout=PATIENT)["status"]["stable"]["golden"]["passed"]
            space.wait("modelmonitor", "again", is_measured, what="to measure a window", timeout=PATIENT)


def training() -> Manifest:
    """A run that does nothing."""
    return {"image": "localhost/mlops-workload:dev", "command": ["python3", "-c", "print(1)"], "backoffLimit": 0}


def named(space: Kubectl, kind: str, name: str) -> None:
    """Wait until the object names the proxy, and see how long after the end of the main container it did."""
    obj = wait_reason(space, kind, name, "SidecarRunning", timeout=PATIENT)
    message = condition(obj)["message"]
    print(f"{kind}: {message}")
    assert f"container {PROXY} continues" in message
    end = message.partition(" ended at ")[2].partition(",")[0]
    since = obj["status"]["waiting"]["since"]
    seconds = (datetime.fromisoformat(since) - datetime.fromisoformat(end)).total_seconds()
    print(f"{kind}: named after {seconds:.0f} s")
    assert seconds <= NAMED_WITHIN
