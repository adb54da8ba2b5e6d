"""Checking that the places which a container has mounted one by one were there before.

The kubelet makes a missing `subPath` as an empty folder, for a file too: the container would find something else than
nothing, and a later writer of the file would find a folder in its way. So a container that sees the claims as a whole
comes first and fails with `DataNotFound`; the kubelet resolves a container's mounts when it starts that container.
"""

from collections.abc import Mapping
from typing import Final

from mlops_operator.controllers.shared.task import Step

CHECK: Final = "check-locations"
"""Name of the container that checks."""


def check_step(places: Mapping[str, str]) -> Step:
    """The step that checks these places: URI by the name under which a message mentions it."""
    return Step(
        name=CHECK,
        module="locations",
        args=tuple(f"{name}={uri}" for name, uri in places.items()),
        claims=tuple(places.values()),
    )
