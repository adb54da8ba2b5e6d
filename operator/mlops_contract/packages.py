"""The artifact in which a run lists the packages that it had."""

from typing import Final

ENVIRONMENT: Final = "environment"
"""Name of the artifact."""

ENVIRONMENT_FORMAT: Final = "python-environment-v1"
"""Its format: a JSON object `{"v": 1, "python", "implementation", "system", "machine", "packages"}`; `packages` is an
object of versions by the names of all installed distributions."""
