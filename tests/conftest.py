# SPDX-License-Identifier: Apache-2.0
"""Settings of all tests."""

from hypothesis import settings

# A test says what is true, not how fast the machine is.
settings.register_profile("repository", deadline=None)
settings.load_profile("repository")
