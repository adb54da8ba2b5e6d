# SPDX-License-Identifier: Apache-2.0
"""Which container engine kind uses: Docker alone is supported."""

from __future__ import annotations

import os
from collections.abc import Mapping

from localcluster.errors import Unsupported

#: kind's own variable.
VARIABLE = "KIND_EXPERIMENTAL_PROVIDER"
DOCKER = "docker"

#: kind is run with it, so that it looks for clusters where this tool does.
ENVIRONMENT = {VARIABLE: DOCKER}


def require_docker(environment: Mapping[str, str] = os.environ) -> None:
    """Raise `Unsupported` where kind is configured to use another engine, such as podman."""
    provider = environment.get(VARIABLE) or DOCKER
    if provider != DOCKER:
        raise Unsupported(
            f"expected Docker as kind's provider, found {VARIABLE}={provider}: {provider} is not supported",
            remedy=(
                f"unset {VARIABLE} and install Docker, use --engine native, or create the cluster with kind yourself"
                " and run the demonstration on it (make demo ENGINE=existing, docs/how-to/kind.md)"
            ),
        )
