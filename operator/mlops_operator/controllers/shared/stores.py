"""Where in an artifact store objects leave what they make, and in which store something lies."""

import re
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.naming import HASH_LENGTH, short_hash

TRAININGS: Final = "trainingjobs"
EVALUATIONS: Final = "evaluations"
"""Folders of a store; `output.uri` cannot be inside one."""

_TRAINED: Final = re.compile(rf"(?P<store>.+)/{TRAININGS}/[^/]+-[0-9a-f]{{{HASH_LENGTH}}}/[0-9]+(/.*)?")


def own_folder(obj: Manifest) -> str:
    """Name of the folder of an object, which no other object of its kind ever has."""
    metadata = obj["metadata"]
    return f"{metadata['name']}-{short_hash(metadata['uid'])}"


def training_store(uri: str) -> str | None:
    """The store in which a TrainingJob left what is at `uri`; None where its place is not that of a training."""
    found = _TRAINED.fullmatch(uri)
    return found["store"] if found is not None else None
