# SPDX-License-Identifier: Apache-2.0
"""Whether the object that controls another one still exists.

An object from a backup refers to its owner by the UID of a deleted object. The garbage collector deletes it soon; until
then nothing is done for it.
"""

from typing import Final

from mlops_operator.api.meta import GROUP, Key, Manifest, controller_reference
from mlops_operator.kube.resources import MODELS, RETRAIN_POLICIES
from mlops_operator.runtime.cache.watch import World

CHECK_AGAIN: Final = 10.0
"""Seconds until the owner is looked for again: a cache may only not show it yet."""

_OWNERS: Final = {resource.kind: resource for resource in (MODELS, RETRAIN_POLICIES)}


def deleted_owner(obj: Manifest, world: World) -> str | None:
    """The Model or RetrainPolicy that controls `obj` and does not exist, in words; None where there is none."""
    reference = controller_reference(obj)
    if reference is None or reference["apiVersion"].partition("/")[0] != GROUP or reference["kind"] not in _OWNERS:
        return None
    owner = world.get(_OWNERS[reference["kind"]], Key(obj["metadata"]["namespace"], reference["name"]))
    if owner is not None and owner["metadata"]["uid"] == reference["uid"]:
        return None
    return f"{reference['kind']} {reference['name']} with UID {reference['uid']}"
