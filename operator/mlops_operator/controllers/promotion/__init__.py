# SPDX-License-Identifier: Apache-2.0
"""Promotion: whether an alias may point at a version. The Model moves the alias, and nothing else does."""
