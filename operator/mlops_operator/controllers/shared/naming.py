"""Names and labels of children.

A child's name holds a short hash of its parent's UID, so that a parent deleted and made
again under the same name never adopts its predecessor's children.
"""

import hashlib
from typing import Final

from mlops_operator.api.meta import API_VERSION, LABEL_UID, PREFIX, Manifest

HASH_LENGTH: Final = 8
"""Hexadecimal digits of a short hash: 32 bits, enough among one parent's children."""

MAX_LABEL: Final = 63
"""Names of Jobs, Services and pods' owners must fit a DNS label."""


def short_hash(*parts: str) -> str:
    """A stable short hash of `parts`; their borders count."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:HASH_LENGTH]


def child_name(parent: Manifest, *suffixes: str, max_length: int = MAX_LABEL) -> str:
    """`<parent's name>-<hash of its UID>[-<suffix>...]`, the name cut between words so that all fits.

    Dots of the parent's name become dashes, since a DNS label has none.
    """
    metadata = parent["metadata"]
    tail = "-".join((short_hash(metadata["uid"]), *suffixes))
    return f"{_cut(metadata['name'].replace('.', '-'), max_length - len(tail) - 1)}-{tail}"


def _cut(name: str, length: int) -> str:
    """`name` in at most `length` characters, without a partial word or hash at its end where it has other words."""
    if len(name) <= length:
        return name.rstrip("-")
    head = name[:length]
    whole = head if name[length] == "-" else head.rpartition("-")[0]
    return whole.rstrip("-") or head.rstrip("-")


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
