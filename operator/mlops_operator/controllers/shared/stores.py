# SPDX-License-Identifier: Apache-2.0
"""Where in an artifact store objects leave what they make, and in which store something lies."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.naming import HASH_LENGTH, short_hash
from mlops_operator.controllers.shared.pods import PVC_SCHEME, Location, location_of

TRAININGS: Final = "trainingjobs"
EVALUATIONS: Final = "evaluations"
"""Folders of a store; `output.uri` cannot be inside one."""

_OWN_FOLDER: Final = re.compile(rf".+-[0-9a-f]{{{HASH_LENGTH}}}")
_TRAINED: Final = re.compile(rf"(?P<store>.+)/{TRAININGS}/[^/]+-[0-9a-f]{{{HASH_LENGTH}}}/[0-9]+(/.*)?")


def own_folder(obj: Manifest) -> str:
    """Name of the folder of an object, which no other object of its kind ever has."""
    metadata = obj["metadata"]
    return f"{metadata['name']}-{short_hash(metadata['uid'])}"


def training_store(uri: str) -> str | None:
    """The store in which a TrainingJob left what is at `uri`; None where its place is not that of a training."""
    found = _TRAINED.fullmatch(uri)
    return found["store"] if found is not None else None


def training_folder(obj: Manifest, root: str) -> str:
    """The folder of a TrainingJob in the store `root`; each attempt has a folder in it.

    No other object ever has it: its name holds a hash of the UID, and no `output.uri` is inside of it.
    """
    return f"{root.rstrip('/')}/{TRAININGS}/{own_folder(obj)}"


def training_folders(uri: str) -> Iterator[str]:
    """The places that may be folders of a TrainingJob or of an attempt and hold what is at `uri`, by `folder_uri`.

    Where `uri` may be the folder of a TrainingJob itself, `all_attempts` stands for the folders of its attempts.
    """
    if f"/{TRAININGS}/" not in uri or (location := location_of(uri)) is None:
        return
    parts = location.parts
    for index, (part, following) in enumerate(pairwise(parts)):
        if part == TRAININGS and _OWN_FOLDER.fullmatch(following):
            training = folder_uri(Location(location.claim, parts[: index + 2]))
            yield training
            attempt = parts[index + 2 : index + 3]
            yield f"{training}/{attempt[0]}" if attempt else all_attempts(training)


def all_attempts(training: str) -> str:
    """What `training_folders` gives for the folder of a TrainingJob as a whole. No other place has this name."""
    return f"{training}/"


class Folders(NamedTuple):
    """The folder of an attempt, and that of its TrainingJob."""

    training: str
    attempt: str


def attempt_folder(training: Manifest, attempt: int, uri: str) -> Folders | None:
    """The folders in which the attempt of a TrainingJob has the place `uri`; None where that is no folder of it.

    A TrainingJob that was restored from a backup has another UID, and the folders of the former one are not its own.
    """
    location = location_of(uri)
    if location is None or location.parts[-3:] != (TRAININGS, own_folder(training), str(attempt)):
        return None
    return Folders(folder_uri(Location(location.claim, location.parts[:-1])), folder_uri(location))


def folder_uri(location: Location) -> str:
    """The one URI of a place, whatever the number of slashes in the URI that named it."""
    return "/".join((f"{PVC_SCHEME}{location.claim}", *location.parts))
