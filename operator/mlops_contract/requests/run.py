# SPDX-License-Identifier: Apache-2.0
"""What a run is given: data, and the rows that it must not use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Optional

from mlops_contract.document import Document, Rule
from mlops_contract.fields import Digest, EntryName, Share, Uri


@dataclass(frozen=True)
class DataInput(Document):
    """A data input by name; a digest pins its content."""

    title: ClassVar[str] = "data input"

    name: EntryName
    uri: Uri
    digest: Optional[Digest] = None


@dataclass(frozen=True)
class Holdout(Document):
    """Rows that a training must not use: the share `share` of all identities, chosen by `key`, the UID of the Model."""

    title: ClassVar[str] = "hold-out"

    key: Annotated[str, Rule(min_length=1, max_length=128)]
    share: Share
