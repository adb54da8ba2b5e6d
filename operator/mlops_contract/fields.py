# SPDX-License-Identifier: Apache-2.0
"""Types that several documents have, with their rules."""

from typing import Annotated

from mlops_contract import limits
from mlops_contract.document import Rule

Digest = Annotated[str, Rule(pattern=limits.DIGEST_PATTERN)]
"""`sha256:` and 64 hexadecimal digits."""

Uri = Annotated[str, Rule(min_length=1, max_length=limits.MAX_URI)]
"""Where something is: with a scheme, or a path of the container."""

EntryName = Annotated[str, Rule(min_length=1, max_length=limits.MAX_NAME)]
"""Name of a data input or a slice."""

VersionName = Annotated[str, Rule(min_length=1, max_length=limits.MAX_VERSION_NAME)]

Bound = Annotated[float, Rule(ge=-limits.MAX_BOUND, le=limits.MAX_BOUND)]

Share = Annotated[float, Rule(gt=0, lt=1)]
