# SPDX-License-Identifier: Apache-2.0
"""Options of a kind cluster, from the command line and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from localcluster.errors import InvalidConfiguration

IMAGE_VARIABLE = "MLOPS_KIND_IMAGE"
WORKERS_VARIABLE = "MLOPS_KIND_WORKERS"


@dataclass(frozen=True, slots=True)
class KindOptions:
    """Options of a new cluster of engine `kind`.

    Attributes:
        config: kind's configuration; None for `kind-config.yaml`.
        patches: files of kubeadm patches to add to it.
        image: the node image; None for kind's own, or the one that is made where kind has none.
        workers: number of worker nodes beside the control plane; None for those of the configuration.
    """

    config: Path | None = None
    patches: tuple[Path, ...] = ()
    image: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise InvalidConfiguration(
                f"expected 0 workers or more, found {self.workers}", remedy="choose another --workers"
            )

    @property
    def changes_configuration(self) -> bool:
        """Whether kind's configuration depends on them."""
        return bool(self.config or self.patches or self.workers is not None)

    def with_environment(self, environment: Mapping[str, str] = os.environ) -> KindOptions:
        """The same, with image and workers of the environment where none are given.

        A given configuration determines the number of nodes: it takes precedence over the environment.
        """
        image = self.image or environment.get(IMAGE_VARIABLE) or None
        workers = self.workers
        if workers is None and self.config is None and (text := environment.get(WORKERS_VARIABLE)):
            workers = _number(text)
        return replace(self, image=image, workers=workers)

    def as_arguments(self) -> list[str]:
        """The options as `up` takes them."""
        return [
            *([f"--config={self.config.absolute()}"] if self.config else []),
            *(f"--patch={patch.absolute()}" for patch in self.patches),
            *([f"--image={self.image}"] if self.image else []),
            *([f"--workers={self.workers}"] if self.workers is not None else []),
        ]


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidConfiguration(
            f"expected a number of workers in {WORKERS_VARIABLE}, found {text!r}", remedy=f"correct {WORKERS_VARIABLE}"
        ) from error
