# SPDX-License-Identifier: Apache-2.0
"""Model: the numbers of its versions, and the aliases that point at one of them."""
