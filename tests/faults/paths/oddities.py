# SPDX-License-Identifier: Apache-2.0
"""Pods that measure and bring nothing of use: they fail, hang, or report what is no result."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from mlops_contract.models.result import Result
from mlops_operator.kube.errors import ApiError
from mlops_operator.kube.resources import JOBS
from tests.faults.paths.base import Path
from tests.harness.kubelet import Behaviour

TAKES: Final = 1.5
"""Seconds that a measurement takes: the Job controller gathers what pods do for one second."""

TERMINATION_MESSAGE: Final = 4096
"""Bytes of a termination message that a kubelet keeps."""

HANGS: Final = "hangs"
"""The oddity of a pod that never ends."""

DEADLINE: Final = 5
"""Seconds that its Job gets, in place of half an hour."""

UNMEASURED: Final = "unmeasured"
"""The oddity of a proper result without the figures that were asked for."""


@dataclass(frozen=True)
class Oddity:
    """One way not to measure.

    Attributes:
        pod: what the pod does, by the UID that its result would have to carry.
        reason: the documented reason that the object of ours then gives.
        words: part of the message beside it.
    """

    pod: Callable[[str], Behaviour]
    reason: str
    words: str


def _says(message: Callable[[str], str]) -> Callable[[str], Behaviour]:
    return lambda uid: Behaviour(run_for=TAKES, message=message(uid))


def _with_metrics(metrics: Mapping[str, float]) -> Callable[[str], str]:
    """A document as a careless program writes it: JSON of other languages knows no NaN."""
    return lambda uid: json.dumps({"v": 1, "uid": uid, "metrics": metrics})


ODDITIES: Final[Mapping[str, Oddity]] = {
    "fails": Oddity(
        lambda _: Behaviour(run_for=TAKES, exit_code=1, message="the store answered 500"), "JobFailed", "answered 500"
    ),
    HANGS: Oddity(lambda _: Behaviour(run_for=None), "JobFailed", "DeadlineExceeded"),
    "nan": Oddity(_says(_with_metrics({"accuracy": float("nan")})), "ResultInvalid", "metrics.accuracy"),
    "silent": Oddity(_says(lambda _: ""), "ResultInvalid", "without a result"),
    "garbage": Oddity(_says(lambda _: '\x1b[31m\ufffd{"v":1,"uid":'), "ResultInvalid", "not JSON"),
    "oversize": Oddity(
        _says(lambda uid: _with_metrics({"accuracy": 0.99})(uid).ljust(TERMINATION_MESSAGE)),
        "ResultInvalid",
        f"{TERMINATION_MESSAGE} bytes",
    ),
    "stale": Oddity(_says(lambda uid: Result(uid=f"not {uid}").to_message()), "ResultInvalid", "is of run"),
    UNMEASURED: Oddity(_says(lambda uid: Result(uid=uid).to_message()), "NoData", "no rows"),
}
"""By name; an object that is called so gets such pods."""


@asynccontextmanager
async def impatient(path: Path) -> AsyncIterator[None]:
    """Allow every Job that appears meanwhile one pod in place of three, and those that hang little time."""

    async def shorten() -> None:
        while True:
            with suppress(ApiError):
                for job in await path.all(JOBS):
                    name = job["metadata"]["name"]
                    if job["spec"]["backoffLimit"] > 0:
                        deadline = {"activeDeadlineSeconds": DEADLINE} if name.startswith(HANGS) else {}
                        await path.edit(JOBS, name, spec={"backoffLimit": 0, **deadline})
            await asyncio.sleep(0.1)

    shortening = asyncio.create_task(shorten(), name="shorten Jobs")
    try:
        yield
    finally:
        shortening.cancel()
        with suppress(asyncio.CancelledError):
            await shortening
