# SPDX-License-Identifier: Apache-2.0
"""What happened in one namespace during one run: the cluster's changes and the operator's writes."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    OWN,
    POD_DISRUPTION_BUDGETS,
    PODS,
    SERVICES,
    Resource,
)

RECORDED: Final = (
    *OWN,
    JOBS,
    DEPLOYMENTS,
    SERVICES,
    HORIZONTAL_POD_AUTOSCALERS,
    POD_DISRUPTION_BUDGETS,
    PODS,
)
"""Every resource that the operator or what it makes may change."""

BY_PLURAL: Final = {resource.plural: resource for resource in RECORDED}

_HASH: Final = re.compile(r"(?<![0-9a-z])(?:\d{8}-\d{4}|[0-9a-f]{8,})(?![0-9a-z])")
"""A hash, or the end of a window in the name of a monitor's Job."""
_RANDOM: Final = re.compile(r"-[a-z0-9]{5}$")


@dataclass(frozen=True)
class Change:
    """One line of a watch of the whole cluster, made by the recorder beside the operator.

    Attributes:
        version: the resourceVersion, which orders the changes of all resources.
        type: ADDED, MODIFIED or DELETED.
        resource: of what.
        object: as it was after the change; for DELETED as it was last.
        at: when the recorder saw it, on the harness's monotonic clock.
    """

    version: int
    type: str
    resource: Resource
    object: Manifest
    at: float


@dataclass(frozen=True)
class Gap:
    """Versions of a resource that came and went while the API server was killed; see `Recorder`.

    Attributes:
        resource: of what.
        after: the last version before, which was seen.
        until: the version of the LIST with which the recorder went on.
    """

    resource: Resource
    after: int
    until: int


@dataclass
class Write:
    """One write of the operator, as the proxy saw it.

    Attributes:
        key: what it is in every run: verb, resource with subresource, name with its hashes masked.
        nth: how often this key was seen by then, from 1.
        verb: create, apply, patch or delete.
        resource: plural.
        subresource: empty for the object itself.
        name: of the object.
        body: the JSON that was sent.
        at: when it came, on the harness's monotonic clock.
        code: HTTP status of the API server's answer; None where it got none.
        namespace: to which it went; empty for what has none.
    """

    key: str
    nth: int
    verb: str
    resource: str
    subresource: str
    name: str
    body: Manifest
    at: float
    code: int | None = None
    namespace: str = ""


@dataclass
class History:
    """One run in one namespace; the changes are in the order of their versions."""

    changes: Sequence[Change] = ()
    writes: list[Write] = field(default_factory=list)
    gaps: Sequence[Gap] = ()

    def in_gap(self, plural: str, version: int) -> bool:
        """Whether the recorder cannot have seen this version, which the operator may have all the same."""
        return any(gap.resource.plural == plural and gap.after < version <= gap.until for gap in self.gaps)


class Namer:
    """Names that are the same in every run: hashes and random endings masked, and the second of a kind called so."""

    def __init__(self) -> None:
        self._known: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    def name(self, plural: str, raw: str) -> str:
        """The masked name of an object; numbered by first appearance where several have the same mask."""
        masked = masked_name(plural, raw)
        known = self._known[plural, masked]
        if raw not in known:
            known.append(raw)
        number = known.index(raw) + 1
        return masked if number == 1 else f"{masked}~{number}"


def masked_name(plural: str, raw: str) -> str:
    """`raw` without what differs from run to run."""
    if plural == PODS.plural:
        raw = _RANDOM.sub("-*", raw)
    return _HASH.sub("#", raw)
