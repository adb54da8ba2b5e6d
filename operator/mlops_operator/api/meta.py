# SPDX-License-Identifier: Apache-2.0
"""Names and types that every kind shares."""

from typing import Any, Final, NamedTuple, TypeAlias

GROUP: Final = "mlops-operator.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
PREFIX: Final = f"{GROUP}/"
"""Prefix of every label and annotation of the operator."""

LABEL_UID: Final = PREFIX + "uid"
"""Label of every child: UID of the object of the operator's kinds that controls it."""

LABEL_GENERATION: Final = PREFIX + "generation"
"""Label of Jobs: generation of the owner's spec from which they were created."""

FIELD_MANAGER: Final = "mlops-operator"

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON: the only place where `Any` crosses a module boundary."""


class Key(NamedTuple):
    """An object of a known kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def controller_reference(obj: Manifest) -> Manifest | None:
    """The owner reference of the object that controls this one; None if there is none."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def controller_uid(obj: Manifest) -> str | None:
    """UID of the object that controls this one; None if there is none."""
    reference = controller_reference(obj)
    return reference["uid"] if reference is not None else None
