# SPDX-License-Identifier: Apache-2.0
"""A lower bound, not a product: the minimum of requests to create a Job and report its state, without safeguards."""
