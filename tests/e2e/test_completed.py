# SPDX-License-Identifier: Apache-2.0
"""Evicted trainings whose result was complete before: they have succeeded, however their programs end."""

from functools import partial

import pytest

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import RUNNING, WORKLOAD_IMAGE, evict, manifest, of, promptly, training, wait_phase, wait_true

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

HANGS = """
import time
time.sleep(1.5)  # times have whole seconds: the signal must come in a later one
print("done", flush=True)
time.sleep(600)
"""
"""What a program does that goes on after its result is complete."""

SDK = """
import signal, sys
from mlops_workload import run
r = run()
r.log(accuracy=0.5)
"""
SAVES = 'r.save_artifact("/etc/hostname", name="model", format="bytes")\n'
FINISHES = "r.finish()\n"
EXITS_WELL = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"

BY_HAND = """
import time
signal.signal(signal.SIGTERM, lambda *_: time.sleep(3) or sys.exit(143))  # as the SDK does by itself
report(metrics={"accuracy": 0.5}, time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
"""

FINISHES_WHEN_TOLD = """
import time
def finish(*_):
    r.finish()
    time.sleep(3)  # until its pod was read
    sys.exit(0)
signal.signal(signal.SIGTERM, finish)
print("done", flush=True)
time.sleep(600)
"""


def test_a_result_that_was_complete_before_the_eviction_counts(space: Kubectl) -> None:
    space.apply(manifest("Model", "m"))
    succeeding = {
        "by-hand": training("by-hand", BY_HAND + HANGS),
        "exits-well": with_sdk("exits-well", EXITS_WELL + FINISHES + HANGS),
        "killed": with_sdk("killed", FINISHES + HANGS),
        "with-model": with_sdk("with-model", SAVES + FINISHES + HANGS, model="m"),
    }
    late = with_sdk("late", FINISHES_WHEN_TOLD, disruptionLimit=0)
    for obj in (*succeeding.values(), late):
        space.apply(obj)
    pods = {name: pods_when_done(space, name) for name in (*succeeding, "late")}
    for names in pods.values():
        for pod in names:
            evict(space, pod)
    for name in succeeding:
        done = wait_true(space, "trainingjob", name, "Complete", timeout=2 * RUNNING)
        assert [entry["outcome"] for entry in done["status"]["attempts"]] == ["Succeeded"], name
        assert done["status"]["metrics"] == {"accuracy": 0.5}
        assert ("modelVersion" in done["status"]) is ("model" in done["spec"])
    failed = wait_true(space, "trainingjob", "late", "Failed", timeout=2 * RUNNING)
    assert [(entry["outcome"], entry["reason"]) for entry in failed["status"]["attempts"]] == [("Disrupted", "Evicted")]
    assert "metrics" not in failed["status"]


def with_sdk(name: str, program: str, **spec: object) -> Manifest:
    command = ["python3", "-c", SDK + program]
    return manifest("TrainingJob", name, image=WORKLOAD_IMAGE, command=command, backoffLimit=0, **spec)


def pods_when_done(space: Kubectl, name: str) -> list[str]:
    """The pods, once each has printed that its result is complete."""
    running = wait_phase(space, "trainingjob", name, "Running", timeout=2 * RUNNING)
    names = [str(pod["metadata"]["name"]) for pod in space.list("pod", of(running))]
    for pod in names:
        promptly(partial(space.logs, pod, "--container=main"), lambda text: "done" in text, within=RUNNING)
    return names
