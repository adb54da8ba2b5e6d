# SPDX-License-Identifier: Apache-2.0
"""The kinds: pydantic models that are the single source of the CRDs, and the names they use."""
