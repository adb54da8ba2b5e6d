# SPDX-License-Identifier: Apache-2.0
"""Children under the name that they have now, or under the one that they were created with.

Children that exist when names get another form keep theirs: nothing is created twice, and nothing that runs is lost.
See docs/design/0027-names.md.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.former_names import former_name
from mlops_operator.controllers.shared.naming import MAX_LABEL, child_name
from mlops_operator.runtime.work.identity import is_rendered


class ChildNames(NamedTuple):
    """The names under which one child may exist.

    Attributes:
        name: under which it is created.
        former: that an earlier build of the operator created it with.
    """

    name: str
    former: str

    def find(self, children: Iterable[Manifest]) -> Manifest | None:
        """The one of `children` that has either name; of two the older one, which was there when the other came."""
        found = {child["metadata"]["name"]: child for child in children if child["metadata"]["name"] in self}
        present = [found[name] for name in self if name in found]
        return min(present, key=_created, default=None)

    def of(self, children: Iterable[Manifest]) -> str:
        """The name that the child has among `children`, or is to be created with."""
        found = self.find(children)
        return found["metadata"]["name"] if found is not None else self.name

    def is_child(self, rendered: Manifest, found: Manifest) -> bool:
        """Whether `found` is the child that `rendered` describes, under either name."""
        name = found["metadata"]["name"]
        return name in self and is_rendered(renamed(rendered, name), found)


def child_names(
    parent: Manifest,
    *words: str,
    folded: Sequence[str] = (),
    former: Sequence[str] | None = None,
    max_length: int = MAX_LABEL,
) -> ChildNames:
    """The names of a child; for the arguments see `naming.child_name`.

    Args:
        former: the suffixes of its former name; by default `words` and `folded`.
    """
    suffixes = (*words, *folded) if former is None else former
    return ChildNames(
        child_name(parent, *words, folded=folded, max_length=max_length),
        former_name(parent, *suffixes, max_length=max_length),
    )


def renamed(manifest: Manifest, name: str) -> Manifest:
    """`manifest` under another name."""
    return {**manifest, "metadata": {**manifest["metadata"], "name": name}}


def _created(child: Manifest) -> str:
    return str(child["metadata"].get("creationTimestamp", ""))
