# SPDX-License-Identifier: Apache-2.0
"""Walks one path, with or without a plan's faults, and says all that is to be said about it."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import ApiError, NotFound
from mlops_operator.kube.resources import OWN, Resource
from tests.faults import servers
from tests.faults.history import RECORDED, History
from tests.faults.injections import injections
from tests.faults.injections.base import Injection, Surroundings
from tests.faults.injections.notices import GONE
from tests.faults.invariants import violations
from tests.faults.paths import PATHS
from tests.faults.paths.base import Path as Walk
from tests.faults.plan import Act, Clock, Fault, Plan
from tests.faults.process import OperatorProcess, alive
from tests.faults.recorder import Recorder
from tests.faults.trace import Notice, Trace
from tests.harness.crds import install_crds
from tests.harness.kubelet import FakeKubelet
from tests.harness.proxy import Proxy, proxy, watches
from tests.harness.waiting import eventually

START: Final = 60.0
"""Seconds that a path waits at most for the operator to watch all kinds; a fault may keep it from that."""

ASK_AGAIN: Final = 12.0
"""Seconds after which the watches that were not followed by a LIST are ended once more: they may not have been open,
and an operator waits up to ten seconds between watches that do not hold."""

CALM: Final = 1.0
"""Seconds without a write after which a run is looked at for its end."""

CONVERGENCE: Final = 30.0
"""Seconds after the last fault within which the cluster has to match."""

EXPECTED: Final = ("resource is missing", "kinds are missing")
"""Errors that the operator must log where a fault says that a kind is not there."""

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")


@dataclass(frozen=True)
class Ground:
    """What runs share: a control plane, a client of the harness's, and the recorder."""

    cluster: Cluster
    client: Client
    recorder: Recorder
    folder: Path
    kill_server: Callable[[str], Awaitable[None]] | None = None


@dataclass
class Outcome:
    """One run.

    Attributes:
        plan: its plan; one without faults for a reference run.
        failures: one sentence for each thing that was not as it must be.
        history: changes and writes.
        notices: the lines of watches that the operator was told.
        objects: what was there at the end.
        converged: seconds from the last disturbance to the operator's last write, beyond what the path takes
            from there without faults; 0 without faults.
        seconds: how long the run took.
        log: the operator's log.
        writes: how many writes the operator sent.
        idle: the faults that never fired: a failure, unless the write they wait for turns out to come by chance.
    """

    plan: Plan
    failures: list[str] = field(default_factory=list)
    history: History = field(default_factory=History)
    notices: Sequence[Notice] = ()
    objects: Mapping[Resource, Sequence[Manifest]] = field(default_factory=dict)
    converged: float = 0.0
    seconds: float = 0.0
    log: Path = Path()
    writes: int = 0
    idle: Sequence[Fault] = ()

    @property
    def struck(self) -> bool:
        """Whether it says anything: all its faults fired, or it is a failure that they did not."""
        return not self.idle or bool(self.failures)

    def forget(self) -> None:
        """Free what a run has to be judged by, some 4 MB: there are thousands of runs."""
        self.history, self.notices, self.objects = History(), (), {}


@asynccontextmanager
async def ground(
    cluster: Cluster, *, kill_server: Callable[[str], Awaitable[None]] | None = None
) -> AsyncIterator[Ground]:
    """A control plane, ready for runs; `kill_server` where it is there for one run at a time."""
    config = load_config(cluster.kubeconfig)
    folder = Path(tempfile.mkdtemp(prefix="mlops-faults-"))
    patient = servers.PatientClient if kill_server is not None else Client
    async with patient(config, user_agent="faults") as client:
        await install_crds(client)
        async with Recorder(client, gaps=kill_server is not None) as recorder:
            yield Ground(cluster, client, recorder, folder, kill_server)


async def run(ground: Ground, plan: Plan) -> Outcome:
    """Walk the plan's path with its faults, in a namespace of its own."""
    outcome = Outcome(plan)
    started = time.monotonic()
    namespace = f"f-{uuid4().hex[:8]}"
    outcome.log = ground.folder / f"{namespace}.log"
    await _namespace(ground.client, namespace)
    path = PATHS[plan.path](ground.client, namespace)
    path.interrupted = any(isinstance(fault, Act) for fault in plan.faults)
    try:
        async with AsyncExitStack() as stack:
            await _walk(ground, plan, path, outcome, stack)
    except (AssertionError, ApiError) as error:
        outcome.failures.append(f"did not come to its end: {error}")
    outcome.history.changes = ground.recorder.changes(namespace)
    outcome.history.gaps = tuple(ground.recorder.gaps)
    outcome.writes = len(outcome.history.writes)
    ground.recorder.check()
    ground.recorder.forget(namespace)
    outcome.failures += violations(outcome.history)
    outcome.failures += _complaints(outcome.log)
    outcome.seconds = time.monotonic() - started
    return outcome


async def _walk(ground: Ground, plan: Plan, path: Walk, outcome: Outcome, stack: AsyncExitStack) -> None:
    namespace = path.namespace
    wire = await stack.enter_async_context(proxy(load_config(ground.cluster.kubeconfig)))
    trace = Trace()
    clock = sum(fault.hours * 3600 for fault in plan.faults if isinstance(fault, Clock))
    operator = OperatorProcess(_arguments(ground.folder, namespace, wire.url), outcome.log, clock=clock)
    around = Surroundings(
        operator, trace, lambda: ground.recorder.changes(namespace), path.act, kill_server=ground.kill_server
    )
    active = injections(plan, around)
    wire.interceptors += [trace, *active]
    outcome.history.writes = trace.writes
    outcome.notices = trace.notices
    await stack.enter_async_context(FakeKubelet(ground.client, path.behave, namespace=namespace))
    await path.prepare()
    operator.start()
    try:
        await _watching(trace)
        await path.play()
        await _settle(operator, wire, trace, active, outcome)
        await path.rest()
        if ground.kill_server is not None:
            await servers.controllers_have_seen_to(ground.client, namespace)
        outcome.objects = {
            resource: (await ground.client.list(resource, namespace=namespace)).items for resource in RECORDED
        }
        if wrong := alive(operator):
            outcome.failures.append(wrong)
    finally:
        try:
            if (code := await operator.stop()) != 0:
                outcome.failures.append(f"the operator ended with exit code {code}")
        except TimeoutError as error:
            outcome.failures.append(str(error))
        outcome.failures += [f"the harness failed: {bug}" for bug in wire.bugs]
        outcome.idle = [injection.fault for injection in active if not injection.fired]


async def _watching(trace: Trace) -> None:
    """The operator watches all kinds, so that a path begins the same way every time; or a fault keeps it from that."""

    async def watching() -> bool:
        return {resource.plural for resource in OWN} <= trace.watched

    with suppress(AssertionError):
        await eventually(watching, within=START, every=0.05)


async def _settle(
    operator: OperatorProcess, wire: Proxy, trace: Trace, active: Sequence[Injection], outcome: Outcome
) -> None:
    """Wait until nothing is written through a whole resync; it has to be so in time."""
    limit = time.monotonic() + 2 * CONVERGENCE
    while True:
        count = len(trace.writes)
        last = trace.writes[-1].at if trace.writes else 0.0
        await asyncio.sleep(max(0.0, last + CALM - time.monotonic()))
        for injection in active:  # the last writes of a path may come when it has been walked, and a fault with them
            await injection.settle()
        await _resynced(operator, wire, trace, time.monotonic())
        if len(trace.writes) == count:
            # Computed last: an answer may still be kept back when the path has come to its end.
            disturbed = max((injection.last for injection in active), default=0.0)
            outcome.converged = max(0.0, last - disturbed) if disturbed else 0.0
            return
        if time.monotonic() > limit:
            recent = [write.key for write in trace.writes[count:]]
            outcome.failures.append(f"still writes {CONVERGENCE * 2:.0f} s after the path's end: {recent}")
            return


async def _resynced(operator: OperatorProcess, wire: Proxy, trace: Trace, since: float) -> None:
    """Make the operator list every kind after `since`, and wait until it has looked at what it found.

    Nothing is listed of itself during a run: a notification that is lost stays lost until here, where the
    path has come to its end without it.
    """

    asked = 0.0

    async def listed() -> bool:
        nonlocal asked
        missing = {resource.plural for resource in OWN if trace.listed.get(resource.plural, 0.0) <= since}
        if missing and time.monotonic() - asked > ASK_AGAIN:
            asked = time.monotonic()
            wire.end_watches(lambda request: watches(request) and request.path.rpartition("/")[2] in missing, GONE)
        return not missing

    await eventually(listed, within=60.0, every=0.1)
    await asyncio.sleep(0.3)
    await eventually(operator.busy, lambda found: found == 0, within=60.0, every=0.1)


async def _namespace(client: Client, name: str) -> None:
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    async def usable() -> bool:
        try:
            await client.get(SERVICE_ACCOUNTS, namespace=name, name="default")
        except NotFound:
            return False
        return True

    await eventually(usable, within=60.0, every=0.05)


def _arguments(folder: Path, namespace: str, url: str) -> list[str]:
    kubeconfig = folder / f"{namespace}.json"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "faults", "cluster": {"server": url}}],
                "users": [{"name": "operator", "user": {}}],
                "contexts": [{"name": "faults", "context": {"cluster": "faults", "user": "operator"}}],
                "current-context": "faults",
            }
        )
    )
    return [
        "run",
        f"--kubeconfig={kubeconfig}",
        f"--namespace={namespace}",
        "--no-leader-elect",
        "--metrics-bind-address=127.0.0.1:0",
    ]


def _complaints(log: Path) -> list[str]:
    """What the operator logged as errors: an exception is a bug whatever the end state is."""
    found = []
    for line in log.read_text().splitlines() if log.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(f"the operator printed: {line}")
            continue
        if entry["level"] in ("error", "critical") and not entry["msg"].startswith(EXPECTED):
            found.append(f"the operator logged: {line[:600]}")
    return found
