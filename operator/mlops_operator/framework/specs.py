# SPDX-License-Identifier: Apache-2.0
"""Reading a spec: a typed model, or a sentence on what is wrong with it.

The schema refuses nearly everything at admission; what is left are objects older than it.
"""

from typing import TypeVar

from pydantic import ValidationError

from mlops_operator.api.meta import Manifest
from mlops_operator.api.schema import SpecModel

Spec = TypeVar("Spec", bound=SpecModel)


class InvalidSpecError(ValueError):
    """A spec that cannot be worked with; the message names the field and says what was expected."""


def parse_spec(model: type[Spec], obj: Manifest) -> Spec:
    """The spec of `obj`.

    Raises:
        InvalidSpecError: it does not fit the model.
    """
    try:
        return model.model_validate(obj.get("spec") or {})
    except ValidationError as error:
        raise InvalidSpecError(first_problem("spec", error)) from error


def first_problem(root: str, error: ValidationError) -> str:
    """Field and message of the first thing that is wrong, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join((root, *(str(part) for part in first["loc"])))
    return f"{where}: {first['msg']}"
