# SPDX-License-Identifier: Apache-2.0
"""Tests of the data plane: real models, real files, a real server on loopback."""
