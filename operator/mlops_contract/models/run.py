# SPDX-License-Identifier: Apache-2.0
"""What a run is given: data, and the rows that it must not use."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlops_contract.models.base import Digest, EntryName, Section, Share, Uri


class DataInput(Section):
    """A data input by name; a digest pins its content."""

    name: EntryName
    uri: Uri
    digest: Digest | None = None


class Holdout(Section):
    """Rows that a training must not use: the share `share` of all identities, chosen by `key`, the UID of the Model."""

    key: Annotated[str, Field(min_length=1, max_length=128)]
    share: Share
