"""What the container that runs before a training reports on the ConfigMaps that the training sees."""

from __future__ import annotations

import json
import re
from typing import Final

from mlops_contract.text import decode_object

_KEY: Final = "configMaps"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def config_maps_message(digest: str) -> str:
    """The termination message that reports the digest of the mounted ConfigMaps."""
    return json.dumps({_KEY: digest})


def config_maps_digest(message: object) -> str | None:
    """The digest in a termination message; None where it reports none."""
    found = (decode_object(message) or {}).get(_KEY)
    return found if isinstance(found, str) and _DIGEST.fullmatch(found) else None
