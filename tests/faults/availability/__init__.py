# SPDX-License-Identifier: Apache-2.0
"""F11: two operators, one lease."""
