# SPDX-License-Identifier: Apache-2.0
"""How images get from this machine to the nodes of a cluster that is already there."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from demo.story import WORKLOAD_IMAGE
from localcluster import LocalClusterError
from localcluster.errors import CommandFailed
from localcluster.images import image_digests
from localcluster.progress import Step
from localcluster.run import run

PLACE: Final = "{}"
"""What stands for the archive's path in the user's command."""

PUSHERS: Final = ("docker", "podman")
"""Programs that load an archive, tag an image and push it, with the same arguments."""

TAG_LENGTH: Final = 12
"""Hexadecimal digits of a pushed image's tag: enough that two builds differ."""


class NoPusherError(LocalClusterError):
    """Images are to be pushed, and no program is there that can."""


class Delivery(Protocol):
    """A way for images to the nodes."""

    def deliver(self, archives: Sequence[Path], step: Step) -> Mapping[str, str]:
        """Make the images in `archives` usable by the cluster's pods.

        Returns:
            their full names by those in the archives.

        Raises:
            CommandFailed: a program could not do its part.
        """


@dataclass(frozen=True)
class LoadCommand:
    """The user's own command, run once for each archive; names stay as they are.

    Attributes:
        command: a program and its arguments; the archive's path takes the place of `{}`, or comes last.
    """

    command: str

    def deliver(self, archives: Sequence[Path], step: Step) -> Mapping[str, str]:
        """See `Delivery`."""
        for archive in archives:
            step.update(archive.name)
            self._run(archive)
        return {reference: reference for archive in archives for reference in image_digests(archive)}

    def _run(self, archive: Path) -> None:
        words = shlex.split(self.command)
        words = (
            [word.replace(PLACE, str(archive)) for word in words] if PLACE in self.command else [*words, str(archive)]
        )
        remedy = (
            "try it by hand; LOAD_IMAGES is run once for each archive, whose path takes the place of {} or comes last"
        )
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            raise CommandFailed(f"expected LOAD_IMAGES to name a program, found {error}", remedy=remedy) from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-2000:]
            raise CommandFailed(f"`{shlex.join(words)}` ended with code {done.returncode}: {said}", remedy=remedy)


@dataclass(frozen=True)
class Registry:
    """A registry that the nodes can pull from, and to which the user has logged in where it wants that.

    A tag is made of what is in the image, so that no node takes an older one for it.

    Attributes:
        registry: with a path if needed, such as `registry.example.com/ml`.
        program: docker or podman.
    """

    registry: str
    program: str

    def deliver(self, archives: Sequence[Path], step: Step) -> Mapping[str, str]:
        """See `Delivery`."""
        names: dict[str, str] = {}
        for archive in archives:
            for reference, digest in image_digests(archive).items():
                pushed = self.name(reference, digest)
                step.update(pushed)
                self._run("load", "--input", str(archive))
                self._run("tag", reference, pushed)
                self._run("push", pushed)
                names[reference] = pushed
        return names

    def name(self, reference: str, digest: str) -> str:
        """The full name in the registry of an image of this machine."""
        name = reference.rpartition("/")[2].partition(":")[0]
        return f"{self.registry.rstrip('/')}/{name}:{digest.rpartition(':')[2][:TAG_LENGTH]}"

    def _run(self, *arguments: str) -> None:
        run(self.program, *arguments, remedy=f"log in: `{self.program} login {self.registry.partition('/')[0]}`")


def pusher() -> str:
    """The program on PATH that can push.

    Raises:
        NoPusherError: there is none.
    """
    for program in PUSHERS:
        if shutil.which(program) is not None:
            return program
    raise NoPusherError(
        f"expected {' or '.join(PUSHERS)} on PATH to push to REGISTRY, found neither",
        remedy="install one, or name a command that loads an archive into the nodes: LOAD_IMAGES",
    )


def chart_values(names: Mapping[str, str]) -> list[str]:
    """Helm options by which the operator's chart uses these images."""
    registry, _, operator = names["localhost/mlops-operator:dev"].rpartition("/")
    name, _, tag = operator.partition(":")
    images = {"workloadImage": names[WORKLOAD_IMAGE], "serverImage": names["localhost/mlops-server:dev"]}
    values = {"image.registry": registry, "image.repository": name, "image.tag": tag, **images}
    return [f"--set-string={key}={value}" for key, value in values.items()]
