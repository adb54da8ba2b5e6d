# SPDX-License-Identifier: Apache-2.0
"""Fault plans: YAML files that say which path is walked and what goes wrong on the way.

A plan is deterministic: everything in it happens at a named write or notification of the path, or
from its beginning on. One that never fires is a failure of the plan.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field

Position = Literal["before", "at", "after"]
"""Before the API server sees the write; when it has carried it out but nobody knows; when the answer has arrived."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _AtWrite(_Strict):
    write: str = Field(description="key of the write, e.g. `create jobs first-#`")
    nth: int = Field(default=1, ge=1, description="which of the writes of this key")


class Crash(_AtWrite):
    """F1: SIGKILL around one write; the operator is started again at once."""

    fault: Literal["crash"] = "crash"
    position: Position


class LoseReply(_AtWrite):
    """F2: the write is carried out, its answer lost."""

    fault: Literal["lose-reply"] = "lose-reply"


class Hold(_Strict):
    """F3: a notification is held back until the one that cancels it arrives.

    The notification is the first by which `path` of the object has `value`; it is cancelled when the
    path has another value or the object is gone. What is behind it in the same watch waits with it.
    """

    fault: Literal["hold"] = "hold"
    resource: str
    name: str
    path: str
    value: str
    then: Literal["burst", "relist"] = Field(
        default="burst", description="deliver all that was held; or say 410, so that the state between is never seen"
    )
    longest: float = Field(default=8.0, gt=0, description="seconds after which it is delivered even so")


class Delay(_Strict):
    """F4: every line of one resource's watch comes so much later than those of the others."""

    fault: Literal["delay"] = "delay"
    resource: str
    seconds: float = Field(gt=0, le=60)


class Repeat(_Strict):
    """F5: every line comes again, the one before it once more in between."""

    fault: Literal["repeat"] = "repeat"


class Stale(_AtWrite):
    """F6: SIGKILL after this write; then LISTs and WATCHes show how it was before `snapshot`, for a while."""

    fault: Literal["stale"] = "stale"
    snapshot: str = Field(description="key of an earlier write: the past is shown as it was just before it")
    snapshot_nth: int = Field(default=1, ge=1)
    seconds: float = Field(default=3.0, gt=0, le=60)


class BadWatch(_Strict):
    """F7: the watches of one resource end badly, again and again."""

    fault: Literal["bad-watch"] = "bad-watch"
    resource: str
    ending: Literal[
        "end", "cut", "half-line", "rubbish", "error-410", "error-500", "error-429", "error-403",
        "404", "403", "410", "500", "504", "silent",
    ]  # fmt: skip
    times: int = Field(default=3, ge=1)


class Refuse(_Strict):
    """F8, F9: requests are answered with an error for a while, from the beginning or from a write on."""

    fault: Literal["refuse"] = "refuse"
    code: int
    write: str | None = None
    nth: int = 1
    only: Literal["all", "writes"] = "writes"
    retry_after: int | None = None
    share: float = Field(default=1.0, gt=0, le=1, description="share of the requests that are refused, drawn by seed")
    seed: int = 1
    seconds: float = Field(default=5.0, gt=0, le=60)


class Slow(_Strict):
    """F9: answers take long, for a while from a write on."""

    fault: Literal["slow"] = "slow"
    write: str
    nth: int = 1
    latency: float = Field(gt=0, le=60)
    seconds: float = Field(default=5.0, gt=0, le=60)


class Act(_AtWrite):
    """F12, F13: somebody does something around one write; the path says what the action is."""

    fault: Literal["act"] = "act"
    position: Literal["before", "after"]
    action: str


class Pause(_AtWrite):
    """F15: SIGSTOP before this write reaches the API server, SIGCONT later."""

    fault: Literal["pause"] = "pause"
    seconds: float = Field(gt=0, le=60)


class Clock(_Strict):
    """F15: the operator's clock is off."""

    fault: Literal["clock"] = "clock"
    hours: float


class KillServer(_AtWrite):
    """F10: SIGKILL of a component of the control plane at this write; it is started again."""

    fault: Literal["kill-server"] = "kill-server"
    component: Literal["apiserver", "etcd"]


Fault = Annotated[
    Crash | LoseReply | Hold | Delay | Repeat | Stale | BadWatch | Refuse | Slow | Act | Pause | Clock | KillServer,
    Field(discriminator="fault"),
]


FAULTS: Final = frozenset(
    fault.model_fields["fault"].default for fault in get_args(get_args(Fault)[0]) if issubclass(fault, _Strict)
)
"""The kinds of faults by their names in plans."""


class Plan(_Strict):
    """One run.

    Attributes:
        name: unique; the file's name without its ending.
        path: which path is walked, e.g. `trainingjob/success`.
        faults: what goes wrong.
        counts: whether objects are created and deleted exactly as often as on that path.
        why: for a plan kept as a regression: what it found.
    """

    name: str
    path: str
    faults: tuple[Fault, ...]
    counts: bool = True
    why: str = ""


def load(path: Path) -> Plan:
    """A plan from its file.

    Raises:
        ValueError: the file is no plan; says which field of it is wrong.
    """
    return Plan.model_validate(yaml.safe_load(path.read_text()))


def dump(plan: Plan, path: Path) -> None:
    """Write a plan as its file, defaults left out."""
    document = plan.model_dump(mode="json", exclude_defaults=True)
    document["faults"] = [
        {"fault": fault.fault, **fault.model_dump(mode="json", exclude_defaults=True)} for fault in plan.faults
    ]
    path.write_text(yaml.safe_dump(document, sort_keys=False, width=120))
