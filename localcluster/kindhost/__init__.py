# SPDX-License-Identifier: Apache-2.0
"""Docker, kind and a node image where there are none: from Debian packages and Go modules, no image registry."""
