# SPDX-License-Identifier: Apache-2.0
"""The decisions on a ModelVersion, each a small pure function of its own."""
