# SPDX-License-Identifier: Apache-2.0
"""Rules on objects' names, where a child takes its owner's name over.

Children whose names the operator composes are cut to fit (`controllers/shared/naming.py`). A
ModelDeployment's Service has the deployment's own name, because users type its address; so the
name is rejected when the object is created, not when the Service is.
"""

from collections.abc import Mapping
from typing import Final

from mlops_operator.api.schema import CelRule

_SERVICE_NAME: Final = (
    CelRule(
        "self.metadata.name.size() <= 63",
        "metadata.name: at most 63 characters, because the Service has the same name",
    ),
    CelRule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "metadata.name: lower-case letters, digits and dashes, beginning with a letter (RFC 1035), "
        "because the Service has the same name",
    ),
)

NAME_RULES: Final[Mapping[str, tuple[CelRule, ...]]] = {"ModelDeployment": _SERVICE_NAME}
"""Rules on `metadata.name` by kind; every other kind takes whatever the API server does."""
