# SPDX-License-Identifier: Apache-2.0
"""Names and labels of children.

A child's name is readable words and one hash, which covers its parent's UID: a parent deleted and made again under the
same name never adopts its predecessor's children. See docs/design/0027-names.md.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from mlops_operator.api.meta import API_VERSION, LABEL_UID, PREFIX, Manifest

HASH_LENGTH: Final = 8
"""Hexadecimal digits of a short hash: 32 bits, enough among one parent's children."""

NAME_HASH_LENGTH: Final = 10
"""Length of the hash in a name: more than 38 bits. A namespace holds thousands of children with the same words."""

MAX_LABEL: Final = 63
"""Names of Jobs, Services and pods' owners must fit a DNS label."""

MAX_NAME: Final = 253
"""Names of objects whose name no pod gets must fit a DNS subdomain."""

_LETTERS: Final = "abcdef"
_MADE: Final = re.compile(rf"(?P<words>.+)-[{_LETTERS}][0-9a-f]{{{NAME_HASH_LENGTH - 1}}}")
"""A name that ends in a hash of `name_hash`. Only the name decides: owner references and labels can be removed from an
object, and then its children must keep their names."""


def short_hash(*parts: str) -> str:
    """A stable short hash of `parts`; their borders count."""
    return _digest(*parts)[:HASH_LENGTH]


def name_hash(*parts: str) -> str:
    """A stable hash of `parts` for the end of a name; their borders count.

    It begins with a letter, so that neither a date nor a number at the end of a user's name looks like one.
    """
    digest = _digest(*parts)
    return _LETTERS[int(digest[NAME_HASH_LENGTH:], 16) % len(_LETTERS)] + digest[1:NAME_HASH_LENGTH]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def hashed_name(name: str, *words: str, covers: Sequence[str], max_length: int) -> str:
    """`<name>[-<word>...]-<hash>`, without the hash that `name` ends in, if it was given one here.

    Args:
        name: what the result begins with; cut between words where it is too long.
        words: what else is readable; never cut.
        covers: what the hash is of. Everything that tells the result from others belongs in it: `name` may be cut.
        max_length: of the result.
    """
    made = _MADE.fullmatch(name)
    tail = "-".join((*words, name_hash(*covers)))
    return f"{_cut(made['words'] if made else name, max_length - len(tail) - 1)}-{tail}"


def child_name(parent: Manifest, *words: str, folded: Sequence[str] = (), max_length: int = MAX_LABEL) -> str:
    """`<parent's name>[-<word>...]-<hash>`.

    Dots of the parent's name become dashes, since a DNS label has none.

    Args:
        parent: the object of ours that controls the child.
        words: what tells the child from the parent's others and can be read.
        folded: what tells them apart and cannot be read; only the hash covers it.
        max_length: of the name.
    """
    metadata = parent["metadata"]
    covers = (metadata["uid"], "-".join(words), *folded)
    return hashed_name(metadata["name"].replace(".", "-"), *words, covers=covers, max_length=max_length)


def _cut(name: str, length: int) -> str:
    """`name` in at most `length` characters, without a partial word or hash at its end where it has other words."""
    if len(name) <= length:
        return name.rstrip("-.")
    head = name[:length]
    whole = head if name[length] in "-." else head[: max(head.rfind("-"), head.rfind("."), 0)]
    return whole.rstrip("-.") or head.rstrip("-.")


def kind_label(kind: str) -> str:
    """The label that names the parent: `mlops-operator.io/<kind>`."""
    return PREFIX + kind.lower()


def label_value(name: str) -> str:
    """`name` as a label's value: as it is, or cut and made unique where it is too long."""
    if len(name) <= MAX_LABEL:
        return name
    return f"{name[: MAX_LABEL - HASH_LENGTH - 1].rstrip('-.')}-{short_hash(name)}"


def child_labels(parent: Manifest, *, component: str) -> dict[str, str]:
    """The labels every child carries.

    Args:
        parent: the object of ours that controls the child.
        component: what the child is for, e.g. `training`, `server`, `verify`.
    """
    name = label_value(parent["metadata"]["name"])
    return {
        "app.kubernetes.io/name": parent["kind"].lower(),
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "mlops-operator",
        "app.kubernetes.io/managed-by": "mlops-operator",
        kind_label(parent["kind"]): name,
        LABEL_UID: parent["metadata"]["uid"],
    }


def owner_reference(parent: Manifest) -> Manifest:
    """The controlling owner reference to `parent`; deletion is left to garbage collection."""
    return {
        "apiVersion": API_VERSION,
        "kind": parent["kind"],
        "name": parent["metadata"]["name"],
        "uid": parent["metadata"]["uid"],
        "controller": True,
    }


def child_metadata(parent: Manifest, name: str, *, component: str, labels: dict[str, str] | None = None) -> Manifest:
    """Metadata of a child: name, namespace, labels and the controlling owner."""
    return {
        "name": name,
        "namespace": parent["metadata"]["namespace"],
        "labels": {**child_labels(parent, component=component), **(labels or {})},
        "ownerReferences": [owner_reference(parent)],
    }
