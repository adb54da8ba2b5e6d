# SPDX-License-Identifier: Apache-2.0
"""What differs from run to run in any text: UIDs, times, hashes, random endings.

What can be told apart stays so: the UID of a known object becomes its name, and of two names with
the same mask the second is numbered. A status that points at the wrong one of two versions shows.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import PODS, Resource
from tests.faults.history import History, Namer, masked_name

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RANDOM: Final = "[bcdfghjklmnpqrstvwxz2456789]{4,10}"
"""What Kubernetes puts at the end of names: the letters and digits that make no words.

It gets the mask of a hash, since now and then a hash has no other letters either.
"""

_NUMBER: Final = r"-\d{1,3}(?![0-9a-z])"
"""An attempt's or a replica's number; a hash may have no letters, but has more digits."""

Objects = Mapping[Resource, Sequence[Manifest]]


class Names:
    """The masks of one run.

    Args:
        history: objects are numbered in the order in which they appeared.
        objects: those that are there at the end; a UID of any other is a former one. They are numbered first, then
            what they had, then the rest; in texts only they have their numbers.
    """

    def __init__(self, history: History, objects: Objects) -> None:
        self._namer = Namer()
        self._uids: dict[str, str] = {}
        self._namespaces: set[str] = set()
        present = {obj["metadata"]["uid"] for found in objects.values() for obj in found}
        shown: defaultdict[str, set[str]] = defaultdict(set)
        appeared = sorted(_appeared(history, objects), key=lambda entry: _remoteness(entry[1]["metadata"], present))
        for resource, obj in appeared:
            metadata = obj["metadata"]
            name = self._namer.name(resource.plural, metadata["name"])
            former = "" if metadata["uid"] in present else "former "
            self._uids[metadata["uid"]] = f"<{former}uid of {resource.plural}/{name}>"
            self._namespaces.add(metadata.get("namespace", ""))
            if (masked := masked_name("", metadata["name"])) != metadata["name"]:
                # How many there were before is part of a run's history, not of its end.
                shown[metadata["name"]].add(name if metadata["uid"] in present else masked)
        self._shown = {raw: "=".join(sorted(names)) for raw, names in shown.items()}
        self._known = _any_of(self._shown, suffix=rf"({_NUMBER})?((?:-{_RANDOM}){{1,2}})?")
        self._namespace = _any_of(self._namespaces - {""})

    def of(self, plural: str, raw: str) -> str:
        """`<plural>/<name>`, the name masked and numbered."""
        return f"{plural}/{self._namer.name(plural, raw)}"

    def text(self, text: str) -> str:
        """`text` with everything masked that differs from run to run."""
        text = _TIME.sub("<time>", text)
        text = _UID.sub(lambda match: self._uids.get(match[0], "<uid>"), text)
        if self._known is not None:
            text = self._known.sub(self._show, text)
        if self._namespace is not None:
            text = self._namespace.sub("<namespace>", text)
        return masked_name("", text)

    def _show(self, match: re.Match[str]) -> str:
        return f"{self._shown[match[1]]}{match[2] or ''}{'-#' * (match[3] or '').count('-')}"


def _appeared(history: History, objects: Objects) -> Iterable[tuple[Resource, Manifest]]:
    """Every object that ever was, without pods: in the order of its appearance, or else of its creation."""
    seen = set()
    for change in history.changes:
        uid = change.object["metadata"]["uid"]
        if change.resource != PODS and uid not in seen:
            seen.add(uid)
            yield change.resource, change.object
    rest = [
        (obj["metadata"].get("creationTimestamp", ""), obj["metadata"]["name"], resource, obj)
        for resource, found in objects.items()
        for obj in found
        if resource != PODS and obj["metadata"]["uid"] not in seen
    ]
    for _, _, resource, obj in sorted(rest, key=lambda entry: entry[:2]):
        yield resource, obj


def _remoteness(metadata: Manifest, present: Collection[str]) -> int:
    """0 for what is there, 1 for what belonged to it, 2 for the rest."""
    if metadata["uid"] in present:
        return 0
    return 1 if any(owner["uid"] in present for owner in metadata.get("ownerReferences") or ()) else 2


def _any_of(words: Iterable[str], suffix: str = "") -> re.Pattern[str] | None:
    """Matches any of `words` that stands alone, the longest first."""
    ordered = sorted(words, key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?<![a-z0-9-])({'|'.join(map(re.escape, ordered))}){suffix}(?![a-z0-9-])")
