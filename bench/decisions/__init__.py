# SPDX-License-Identifier: Apache-2.0
"""Tables of the decision rules: simulations through the shipped functions, with popular rules beside them."""
