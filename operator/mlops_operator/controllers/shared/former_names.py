# SPDX-License-Identifier: Apache-2.0
"""Names that builds before 0.1.0 gave to children: the parent's UID and each suffix had a hash of its own.

Only objects that were created with them still have them. See docs/design/0027-names.md for when this module can go.
"""

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.naming import HASH_LENGTH, MAX_NAME, short_hash


def former_name(parent: Manifest, *suffixes: str, max_length: int) -> str:
    """`<parent's name>-<hash of its UID>[-<suffix>...]`."""
    metadata = parent["metadata"]
    tail = "-".join((short_hash(metadata["uid"]), *suffixes))
    return f"{_cut(metadata['name'].replace('.', '-'), max_length - len(tail) - 1)}-{tail}"


def former_version_name(model: str, uid: str, digest: str) -> str:
    """`<model>-<hash of the TrainingJob's UID and the artifact's digest>`."""
    return f"{model[: MAX_NAME - HASH_LENGTH - 1]}-{short_hash(uid, digest)}"


def _cut(name: str, length: int) -> str:
    if len(name) <= length:
        return name.rstrip("-")
    head = name[:length]
    whole = head if name[length] == "-" else head.rpartition("-")[0]
    return whole.rstrip("-") or head.rstrip("-")
