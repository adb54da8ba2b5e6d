"""The digest over everything that decides what a run computes."""

import hashlib
from collections.abc import Mapping
from typing import Any

from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.shared.json_text import compact_json


def inputs_digest(spec: TrainingJobSpec, *, holdout: Mapping[str, Any] | None) -> str:
    """SHA-256 over image, command, arguments, parameters, data (place and digest), seed and hold-out.

    Equal digests mean equal inputs, as far as the spec pins them: data without a digest and
    an image by tag may still differ.
    """
    inputs = {
        "image": spec.image,
        "command": spec.command,
        "args": spec.args,
        "parameters": spec.parameters,
        "data": [{"name": entry.name, "uri": entry.uri, "digest": entry.digest} for entry in spec.data],
        "seed": spec.seed,
        **({"holdout": holdout} if holdout is not None else {}),
    }
    return f"sha256:{hashlib.sha256(compact_json(inputs).encode()).hexdigest()}"
