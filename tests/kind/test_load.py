# SPDX-License-Identifier: Apache-2.0
"""Upgrades, drains, cuts and a control plane that stands still, under load: nothing lost, nothing doubled."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.platform import SYSTEM_NAMESPACE, Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    WORKLOAD_IMAGE,
    Client,
    config_map,
    fetch,
    is_true,
    manifest,
    patch,
    promptly,
    served,
    version,
    wait_true,
)
from tests.kind.nodes import PATIENT, docker, drained, dropped, workers
from tests.kind.store import namespace_with_store

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1800)]

LOAD = 40
"""Trainings that are at work while something happens to the cluster."""

GREAT_LOAD = pytest.param(200, marks=pytest.mark.long)
"""Long: 200 pods on two workers of a small machine start for some ten minutes."""

LONG_FREEZE = pytest.param(180.0, marks=pytest.mark.long)
"""Long: three minutes in which nothing happens, and the time that all nodes take to be ready again."""

WINDOW = 30
"""Seconds that a window of the monitor takes: its Job is done in some ten, also under load."""

CUT = 120.0
"""Seconds for which the leader cannot reach the API server."""

CONTENT = '{"offset": 1}'
LIGHT = {"requests": {"cpu": "10m", "memory": "32Mi"}}


@pytest.fixture
def space(platform: Platform, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """A namespace with a version that can be served from both workers."""
    name = request.node.name.removeprefix("test_")
    with namespace_with_store(platform, name, {"model.json": CONTENT.encode()}) as space:
        yield space


def begin_load(space: Kubectl, count: int = LOAD, *, seconds: float = 2) -> None:
    """Create trainings that take so long."""
    for number in range(count):
        command = ["python3", "-c", f"import time; time.sleep({seconds})"]
        template = {"spec": {"terminationGracePeriodSeconds": 1}}
        space.apply(
            manifest(
                "TrainingJob", f"t{number:03}", image=WORKLOAD_IMAGE, command=command, backoffLimit=0,
                resources=LIGHT, template=template,
            )
        )  # fmt: skip


def outcomes(obj: Manifest) -> list[str]:
    return [entry.get("outcome", "") for entry in obj["status"]["attempts"]]


def all_succeed(space: Kubectl, count: int) -> list[Manifest]:
    """The trainings once all have succeeded."""

    def phases() -> Counter[str]:
        return Counter((obj.get("status") or {}).get("phase", "") for obj in space.list("trainingjob"))

    promptly(phases, lambda found: found == Counter({"Succeeded": count}), within=4 * PATIENT)
    return space.list("trainingjob")


def nothing_lost_or_doubled(space: Kubectl, count: int = LOAD) -> None:
    """All trainings succeed in one attempt each, of one Job and one pod."""
    found = all_succeed(space, count)
    assert {json.dumps(outcomes(obj)) for obj in found} == {'["Succeeded"]'}
    jobs = Counter(
        job["metadata"]["ownerReferences"][0]["uid"] for job in space.list("job") if owned_by(job, "TrainingJob")
    )
    assert jobs == Counter({obj["metadata"]["uid"]: 1 for obj in found})
    pods = Counter(pod["metadata"].get("labels", {}).get("mlops-operator.io/trainingjob") for pod in space.list("pod"))
    del pods[None]
    assert set(pods.values()) == {1}
    assert len(pods) == count


def owned_by(job: Manifest, kind: str) -> bool:
    return bool(job["metadata"]["ownerReferences"][0]["kind"] == kind)


def serve(space: Kubectl, platform: Platform, **spec: object) -> Client:
    """A deployment of two servers, and a client on the control plane's node that asks it all the time."""
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    space.apply(version("plus-1", "plus", "model.json", CONTENT))
    space.apply(served("pair", {"name": "plus", "version": "plus-1"}, replicas=2, resources=LIGHT, **spec))
    wait_true(space, "modeldeployment", "pair", timeout=PATIENT)
    node = f"{platform.cluster.name}-control-plane"
    client = Client(space, "client", url="http://pair/v2/models/plus/infer", node=node)
    client.more(20)
    return client


def watch(space: Kubectl) -> None:
    """A monitor of the deployment that has measured its first window."""
    metric = {"name": "labeled_share", "limit": {"min": 0.5}}
    monitor = manifest(
        "ModelMonitor",
        "watch",
        target={"deployment": "pair"},
        source={"predictionLog": {"uri": f"pvc://{STORE}/predictions"}},
        window={"size": f"{WINDOW}s"},
        metrics=[metric],
    )
    space.apply(monitor)
    space.wait(
        "modelmonitor",
        "watch",
        lambda obj: bool((obj.get("status") or {}).get("windows")),
        what="a window",
        timeout=PATIENT,
    )


def windows_are_whole(space: Kubectl) -> None:
    """Each window since the first one was measured, once, whatever it says: there are no predictions."""
    status = fetch(space, "modelmonitor", "watch")["status"]
    windows = status["windows"]
    assert len(windows) >= 3, windows
    assert [window["start"] for window in windows[1:]] == [window["end"] for window in windows[:-1]]
    assert status.get("skippedWindows", 0) == 0
    assert {metric["reason"] for window in windows for metric in window["metrics"]} <= {"NoData"}
    measuring = {job["metadata"]["name"] for job in space.list("job") if owned_by(job, "ModelMonitor")}
    assert measuring <= {entry.get("job") for entry in (*windows, status.get("measuring") or {})}
    print(f"{len(windows)} windows of {WINDOW} s, none lost")


@pytest.mark.parametrize("load", [LOAD, GREAT_LOAD])
def test_two_upgrades_under_load_and_in_a_step_lose_nothing(platform: Platform, space: Kubectl, load: int) -> None:
    steps = [{"weight": 50, "pause": "5s"}, {"weight": 50, "pause": "60s"}]
    client = serve(space, platform, rollout={"steps": steps, "bake": "5s"})
    watch(space)
    begin_load(space, load)
    before = fetch(space, "modeldeployment", "pair")["status"]["stable"]["revision"]
    patch(space, "modeldeployment", "pair", {"resources": {"requests": {"cpu": "11m"}}})
    space.wait(
        "modeldeployment",
        "pair",
        lambda obj: (obj["status"].get("candidate") or {}).get("step") == 1,
        what="the second step",
        timeout=2 * PATIENT,
    )
    for count in range(2):
        options = ("--reuse-values", f"--set-string=podAnnotations.upgrade=u{count}", "--wait", "--timeout=3m")
        platform.install("mlops-operator", *options)
    nothing_lost_or_doubled(space, load)
    after = space.wait(
        "modeldeployment",
        "pair",
        lambda obj: "candidate" not in obj["status"] and is_true(obj, "Ready"),
        what="the end of the rollout",
        timeout=PATIENT,
    )
    assert after["status"]["stable"]["revision"] != before
    windows_are_whole(space)
    counts = client.more(20)
    assert counts["failed"] == 0, counts


@pytest.mark.parametrize("seconds", [45.0, LONG_FREEZE])
def test_a_control_plane_that_stands_still_under_load_loses_nothing(
    platform: Platform, space: Kubectl, seconds: float
) -> None:
    """Longer than the leader may go without renewing its lease."""
    begin_load(space)
    docker(platform, "pause", f"{platform.cluster.name}-control-plane")
    try:
        time.sleep(seconds)  # what is tested is that nothing answers for so long
    finally:
        docker(platform, "unpause", f"{platform.cluster.name}-control-plane")
    nothing_lost_or_doubled(space)


def test_drains_of_each_worker_under_load_lose_nothing(platform: Platform, space: Kubectl) -> None:
    """Trainings that are evicted run again, and the service goes on; the operator moves as well."""
    client = serve(space, platform)
    begin_load(space, seconds=10)
    for node in workers(platform):
        with drained(platform.kubectl, node):
            # The other worker must have taken over what this one did before it is drained in turn.
            space.run("wait", "--for=condition=Ready", "modeldeployment/pair", f"--timeout={PATIENT:.0f}s")
            wait_true(platform.kubectl.in_namespace(SYSTEM_NAMESPACE), "deployment", "mlops-operator", "Available")
    attempts = [outcomes(obj) for obj in all_succeed(space, LOAD)]
    assert all(set(found[:-1]) <= {"Disrupted"} and found[-1] == "Succeeded" for found in attempts), attempts
    print(f"{sum(len(found) - 1 for found in attempts)} attempts were evicted")
    counts = client.more(20)
    assert counts["failed"] == 0, counts


@contextmanager
def two_operators(platform: Platform) -> Iterator[Kubectl]:
    """The operator with a replica in reserve."""
    system = platform.kubectl.in_namespace(SYSTEM_NAMESPACE)
    platform.install("mlops-operator", "--reuse-values", "--set=ha.enabled=true", "--wait", "--timeout=3m")
    try:
        yield system
    finally:
        platform.install("mlops-operator", "--reuse-values", "--set=ha.enabled=false", "--wait", "--timeout=3m")


def holder(system: Kubectl) -> str:
    return str(fetch(system, "lease", "mlops-operator")["spec"]["holderIdentity"])


def test_a_leader_that_is_cut_off_is_replaced_and_does_nothing_twice(platform: Platform, space: Kubectl) -> None:
    with two_operators(platform) as system:
        first = promptly(lambda: holder(system), bool, within=PATIENT)
        begin_load(space)
        began = time.monotonic()
        pod = fetch(system, "pod", first)
        with dropped(platform, pod["spec"]["nodeName"], forward=f"ip saddr {pod['status']['podIP']}"):
            second = promptly(lambda: holder(system), lambda name: name not in ("", first), within=CUT)
            print(f"another leader after {time.monotonic() - began:.0f} s")
            time.sleep(max(0.0, began + CUT - time.monotonic()))  # what is tested is a cut of so long
            assert holder(system) == second
        nothing_lost_or_doubled(space)
        assert holder(system) == second
