# SPDX-License-Identifier: Apache-2.0
"""A baseline, not a product: what an operator costs that is written the way kopf's tutorial shows it."""
