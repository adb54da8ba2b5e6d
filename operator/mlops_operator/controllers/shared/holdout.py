# SPDX-License-Identifier: Apache-2.0
"""The hold-out of a Model: the share of rows that its gates measure on and its trainings are not given."""

from typing import Any

from pydantic import ValidationError

from mlops_contract.models.run import Holdout
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import ModelSpec


def model_holdout(model: Manifest) -> dict[str, Any] | None:
    """What a training of the Model is told (`MLOPS_HOLDOUT`); None where no gate of it uses recent rows.

    Of several gates the largest share counts: what is held out with a smaller share is held out with it as well.
    """
    try:
        aliases = ModelSpec.model_validate(model.get("spec") or {}).aliases
    except ValidationError:
        return None  # the Model's own status reports it, and no gate of it decides anything
    gates = (alias.gate for alias in aliases if alias.gate is not None)
    shares = [gate.recent.share for gate in gates if gate.recent is not None]
    return holdout(model, max(shares)).to_document() if shares else None


def holdout(model: Manifest, share: float) -> Holdout:
    """The hold-out of the Model with that share."""
    return Holdout(key=model["metadata"]["uid"], share=share)
