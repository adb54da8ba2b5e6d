# SPDX-License-Identifier: Apache-2.0
"""What the API server has, as far as this process knows: stores, their indexes, and what feeds them."""
