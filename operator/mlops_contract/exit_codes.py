"""Exit codes of the data plane that the operator acts on."""

from typing import Final

CONNECTION_FAILED_EXIT_CODE: Final = 15
"""A host could not be reached through the network."""
