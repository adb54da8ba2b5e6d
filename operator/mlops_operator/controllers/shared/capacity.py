# SPDX-License-Identifier: Apache-2.0
"""Whether a pod that the scheduler found no node for can ever run on the nodes there are; pure.

The scheduler's message says what each node lacks now: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't
match Pod's node affinity/selector.` Whether a node lacks it now or always follows from its allocatable resources.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.runtime.work.quantities import parse_quantity

_CAUSES: Final = re.compile(r"nodes are available: (.*?)\.(?: |$)")
_SEPARATOR: Final = re.compile(r", (?=\d+ )")
_COUNT: Final = re.compile(r"^\d+ ")

_SHORTAGE: Final = ("Insufficient ", "Too many pods")
"""How causes begin that end as soon as other pods do, if the node is large enough."""

_LASTING: Final = (
    "node(s) didn't match Pod's node affinity/selector",
    "node(s) had volume node affinity conflict",
)
"""How causes begin that do not end without a change of the pod, of a volume or of a node's labels."""

_TAINT: Final = "node(s) had untolerated taint"
_PASSING_TAINTS: Final = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "ToBeDeletedByClusterAutoscaler")
"""Taints that Kubernetes sets and removes itself; all others are set by administrators, and stay."""

_Sizes = dict[str, Decimal]


@dataclass(frozen=True)
class Verdict:
    """Whether waiting is of no use, and why; the message does not change with the number of nodes."""

    permanent: bool
    message: str


def short(message: str | None) -> bool:
    """Whether the scheduler's message names a shortage: then the nodes decide whether it can pass."""
    return any(cause.startswith(_SHORTAGE) for cause in _causes(message or ""))


def judge(pod: Manifest, message: str, nodes: Sequence[Manifest]) -> Verdict:
    """Whether the pod can never run on `nodes`, as far as that can be known.

    Args:
        pod: a pod that the scheduler found no node for.
        message: what the scheduler says of it.
        nodes: the cluster's nodes; empty where they are not known. Then a shortage counts as passing.
    """
    causes = sorted(_causes(message))
    if causes and all(_lasts(cause) for cause in causes):
        return Verdict(permanent=True, message=f"no node can run the pod: {', '.join(causes)}")
    too_large = _too_large(pod, nodes) if nodes and any(cause.startswith(_SHORTAGE) for cause in causes) else None
    if too_large is not None:
        return Verdict(permanent=True, message=f"no node can run the pod: {too_large}")
    words = ", ".join(causes) or message or "the scheduler gives no reason"
    return Verdict(permanent=False, message=f"the pod waits for a node: {words}")


def _causes(message: str) -> set[str]:
    found = _CAUSES.search(message)
    return {_COUNT.sub("", part) for part in _SEPARATOR.split(found[1])} if found and found[1] else set()


def _lasts(cause: str) -> bool:
    if cause.startswith(_TAINT):
        return not any(taint in cause for taint in _PASSING_TAINTS)
    return cause.startswith(_LASTING)


def _too_large(pod: Manifest, nodes: Sequence[Manifest]) -> str | None:
    """What no node's allocatable is enough for; None where a node is large enough."""
    wanted = requests(pod)
    selected = [sizes for node in nodes if _selected(pod, node) and (sizes := _allocatable(node))]
    if not selected:
        return "no node has the labels of its nodeSelector"
    if any(all(sizes.get(name, Decimal(0)) >= size for name, size in wanted.items()) for sizes in selected):
        return None
    largest = {name: max(sizes.get(name, Decimal(0)) for sizes in selected) for name in wanted}
    beyond = sorted(name for name, size in wanted.items() if size > largest[name])
    if not beyond:
        return f"no single node has {_sizes(wanted)} at once"
    return "; ".join(
        f"it requests {_plain(wanted[name])} {name}, the largest node has {_plain(largest[name])}" for name in beyond
    )


def requests(pod: Manifest) -> _Sizes:
    """What a node must have to run the pod: the sum over containers, at least each init container's, and overhead.

    Sidecars (restartable init containers) are counted as init containers: the result is a lower bound.
    """
    spec = pod["spec"]
    total: _Sizes = {}
    for container in spec.get("containers") or ():
        for name, size in _requested(container).items():
            total[name] = total.get(name, Decimal(0)) + size
    for container in spec.get("initContainers") or ():
        for name, size in _requested(container).items():
            total[name] = max(total.get(name, Decimal(0)), size)
    for name, size in _parsed((spec.get("overhead") or {}).items()).items():
        total[name] = total.get(name, Decimal(0)) + size
    return total


def _requested(container: Manifest) -> _Sizes:
    return _parsed(((container.get("resources") or {}).get("requests") or {}).items())


def _allocatable(node: Manifest) -> _Sizes:
    return _parsed(((node.get("status") or {}).get("allocatable") or {}).items())


def _parsed(quantities: Iterable[tuple[str, object]]) -> _Sizes:
    found = {name: parse_quantity(str(text)) for name, text in quantities}
    return {name: size for name, size in found.items() if size is not None}


def _selected(pod: Manifest, node: Manifest) -> bool:
    """Whether the node has the labels of the pod's nodeSelector. Its affinity is not evaluated: it may match."""
    labels = node["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in (pod["spec"].get("nodeSelector") or {}).items())


def _sizes(wanted: _Sizes) -> str:
    return " and ".join(f"{_plain(size)} {name}" for name, size in sorted(wanted.items()))


def _plain(size: Decimal) -> str:
    return f"{size.normalize():f}"
