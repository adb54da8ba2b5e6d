# SPDX-License-Identifier: Apache-2.0
"""Building blocks of the kinds' models: strict base classes, constrained types and CEL rules.

`codegen.crd` turns these into OpenAPI; every string has a maximal length and every list a
maximal number of items, because the API server multiplies them into the cost of CEL rules.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mlops_operator.api.meta import Manifest


@dataclass(frozen=True)
class CelRule:
    """One entry of `x-kubernetes-validations`.

    Attributes:
        rule: a CEL expression over `self` (and `oldSelf` for transition rules).
        message: shown to the user whose object is rejected; names the field and the rule.
    """

    rule: str
    message: str


@dataclass(frozen=True)
class ListMap:
    """Marks a list of objects as a map by `key` (`x-kubernetes-list-type: map`)."""

    key: str


@dataclass(frozen=True)
class FreeForm:
    """Marks a value as any JSON (`x-kubernetes-preserve-unknown-fields`).

    Attributes:
        object_only: the value must be an object.
    """

    object_only: bool = True


@dataclass(frozen=True)
class IntOrString:
    """Marks a value as `x-kubernetes-int-or-string`."""


class _Model(BaseModel):
    rules: ClassVar[tuple[CelRule, ...]] = ()
    """CEL rules on objects of this model."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, use_attribute_docstrings=True
    )

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Self:
        """The model itself, which is frozen: pydantic copies the default of every field at every parse."""
        return self

    def replace(self, **changes: object) -> Self:
        """A copy with these fields changed, by their Python names.

        Raises:
            TypeError: there is no such field.
            pydantic.ValidationError: a value does not have the type of its field.
        """
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        return type(self).model_validate({**self.__dict__, **changes}, strict=True)


class SpecModel(_Model):
    """Part of a `spec`: unknown fields are an error, as they are at admission."""

    model_config = ConfigDict(extra="forbid")


class StatusModel(_Model):
    """Part of a `status`: unknown fields (of a newer operator) are ignored."""

    model_config = ConfigDict(extra="ignore")

    def to_manifest(self) -> Manifest:
        """As JSON: camelCase, without what is absent or still its default."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)

    @classmethod
    def of(cls, obj: Manifest) -> Self:
        """The status of `obj`, empty where it has none yet."""
        return cls.model_validate(obj.get("status") or {})


IMMUTABLE: Final = CelRule("self == oldSelf", "spec is immutable: create another object instead")


def unchanged(*fields: str) -> str:
    """A transition rule by which these fields of an object stay as they were created."""
    return " && ".join(
        f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
        for name in fields
    )


DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

ObjectName = Annotated[
    str,
    Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
]
"""Name of an object in the same namespace (RFC 1123 subdomain)."""

ShortName = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""Name of an entry in a list (RFC 1123 label)."""

Digest = Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{64}$")]
"""`sha256:` and 64 hexadecimal digits."""

Uri = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^(pvc|s3|gs|az|hf|oci|https)://[^\s]+$")]
"""Location of data or a model. This release mounts `pvc://<claim>/<path>`; see `PvcUri`."""

_PART: Final = r"([^\s/.\x00-\x1f\x7f]|\.[^\s/.\x00-\x1f\x7f]|\.\.[^\s/\x00-\x1f\x7f])[^\s/\x00-\x1f\x7f]*"
"""A part of a path that is neither `.` nor `..`, without white space and control characters."""

PvcUri = Annotated[
    str,
    Field(min_length=1, max_length=1024, pattern=rf"^pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/+{_PART})*/*$"),
]
"""A path on a PersistentVolumeClaim of the same namespace: `pvc://<claim>/<path>`, without `.` and `..`."""

Duration = Annotated[str, Field(min_length=2, max_length=16, pattern=r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$")]
"""Hours, minutes and seconds: `30s`, `5m`, `1h30m`."""

Quantity = Annotated[
    int
    | Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][0-9]+)?$")],
    IntOrString(),
]
"""A Kubernetes quantity: `500m`, `2Gi`, `1`."""

Uid = Annotated[str, Field(max_length=64)]
"""`metadata.uid` of an object; empty where it is not known."""

Text = Annotated[str, Field(max_length=1024)]
LongText = Annotated[str, Field(max_length=4096)]
Image = Annotated[str, Field(min_length=1, max_length=512)]
Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
AnyObject = Annotated[dict[str, Any], FreeForm()]
AnyJson = Annotated[Any, FreeForm(object_only=False)]


def seconds(duration: str) -> int:
    """The length of a `Duration` in seconds.

    Raises:
        ValueError: it is not a duration.
    """
    total, number = 0, ""
    for character in duration:
        if character.isdigit():
            number += character
        elif character in _UNIT_SECONDS and number:
            total += int(number) * _UNIT_SECONDS[character]
            number = ""
        else:
            break
    else:
        if not number and duration:
            return total
    raise ValueError(f"expected a duration such as 30s, 5m or 1h30m, found {duration!r}")


def duration_of(total: int) -> str:
    """A number of seconds as a `Duration`, in the largest units."""
    minutes, rest = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if count)
    return "".join(parts) or "0s"


_UNIT_SECONDS: Final = {"h": 3600, "m": 60, "s": 1}
