# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a model as the source of a CRD."""


class UnsupportedTypeError(TypeError):
    """A field's type has no counterpart in a structural schema.

    Args:
        where: the model and field, for the author of the model.
        found: the type that was found.
    """

    def __init__(self, where: str, found: object) -> None:
        super().__init__(
            f"{where}: expected a model, an enum, a scalar, a tuple, a dict, a union with None, or a type marked "
            f"FreeForm or IntOrString; found {found!r}: use one of those"
        )


class UnboundedError(TypeError):
    """A string, list or map has no upper bound, so that the cost of CEL rules has none either.

    Args:
        where: the model and field.
        keyword: the OpenAPI keyword that is missing.
    """

    def __init__(self, where: str, keyword: str) -> None:
        super().__init__(f"{where}: expected an upper bound ({keyword}), found none: add Field(max_length=...)")


class UnguardedFieldError(TypeError):
    """A CEL rule reads a field that may be absent without asking `has()` for it.

    Args:
        where: the model and field.
    """

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}: a CEL rule reads it although it may be absent: ask has() for it in the rule")
