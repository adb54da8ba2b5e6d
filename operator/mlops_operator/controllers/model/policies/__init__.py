# SPDX-License-Identifier: Apache-2.0
"""The decisions on a Model, each a small pure function of its own."""
