# SPDX-License-Identifier: Apache-2.0
"""Checking that the places which a container has mounted one by one were there before.

The kubelet makes a missing `subPath` as an empty folder, for a file too: the container would find something else than
nothing, and a later writer of the file would find a folder in its way. So a container that sees the claims as a whole
comes first and fails with `DataNotFound`; the kubelet resolves a container's mounts when it starts that container.
"""

from collections.abc import Mapping
from typing import Final

from mlops_contract.environment import CONFIG_MAPS_ROOT
from mlops_operator.controllers.shared.task import Step

CHECK: Final = "check-inputs"
"""Name of the container that checks, and that hashes the ConfigMaps of a training."""

CONFIG_MAPS: Final = f"--config-maps={CONFIG_MAPS_ROOT}"
"""The argument with which it hashes them."""


def check_step(places: Mapping[str, str], *, config_maps: bool = False) -> Step:
    """The step that checks these places: URI by the name under which a message mentions it.

    Args:
        config_maps: whether it reports the digest of the ConfigMaps below `CONFIG_MAPS_ROOT` as well.
    """
    return Step(
        name=CHECK,
        module="check_inputs",
        args=(*(f"{name}={uri}" for name, uri in places.items()), *((CONFIG_MAPS,) if config_maps else ())),
        claims=tuple(places.values()),
    )
